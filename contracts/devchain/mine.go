package devchain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/core"
)

// gather is how long the first transaction of a block waits for others: transactions that are sent together share a block, and
// chain time runs ahead less.
const gather = 4 * time.Millisecond

// errStopped says that Run has ended.
var errStopped = errors.New("devchain: the chain has stopped")

type advanceRequest struct {
	by    time.Duration
	reply chan error
}

// miner is the state of the block-making loop.
type miner struct {
	chain *Chain
	// offset is how far chain time is meant to be ahead of the clock: what Advance has added, in this run or an earlier one.
	offset  time.Duration
	due     *time.Timer // when waiting transactions get their block
	waiting bool        // due is running
}

// Advance moves chain time ahead by whole seconds, for tests of what takes days elsewhere. It makes a block.
func (c *Chain) Advance(ctx context.Context, by time.Duration) error {
	if by < time.Second {
		return fmt.Errorf("devchain: advance by %v: at least a second", by)
	}
	request := advanceRequest{by: by.Truncate(time.Second), reply: make(chan error, 1)}
	select {
	case c.advance <- request:
		return <-request.reply
	case <-c.done:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Chain) mine(ctx context.Context) error {
	arrived := make(chan core.NewTxsEvent, 64)
	subscription := c.eth.TxPool().SubscribeTransactions(arrived, true)
	defer subscription.Unsubscribe()
	period := time.NewTicker(c.cfg.BlockPeriod)
	defer period.Stop()
	m := &miner{chain: c, due: time.NewTimer(gather), waiting: true} // for what the pool may have already
	defer m.due.Stop()
	if lead := m.lead(); lead > c.cfg.MaxLead {
		m.offset = lead
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-subscription.Err():
			return err
		case <-arrived:
			m.wait(gather)
		case <-m.due.C:
			m.waiting = false
			if m.pending() > 0 {
				m.seal()
			}
		case <-period.C:
			if m.pending() > 0 || m.lead() < 0 {
				m.seal()
			}
		case request := <-c.advance:
			request.reply <- m.advance(request.by)
		}
	}
}

// wait makes the block of waiting transactions due after d, unless it is due at some time already.
func (m *miner) wait(d time.Duration) {
	if !m.waiting {
		m.waiting = true
		m.due.Reset(d)
	}
}

// lead is how far chain time is ahead of where it should be.
func (m *miner) lead() time.Duration {
	head := time.Unix(int64(m.chain.eth.BlockChain().CurrentBlock().Time), 0)
	return head.Sub(time.Now().Add(m.offset).Truncate(time.Second))
}

func (m *miner) pending() int {
	executable, _ := m.chain.eth.TxPool().Stats()
	return executable
}

// seal makes a block of what is pending, or puts it off while chain time is too far ahead. What stays pending after a block that
// made progress follows in the next one at once; without progress it waits for the next period.
func (m *miner) seal() {
	if m.lead() >= m.chain.cfg.MaxLead {
		m.wait(time.Second)
		return
	}
	m.commit()
	blocks := m.chain.eth.BlockChain()
	block := blocks.GetBlockByHash(blocks.CurrentBlock().Hash())
	if block != nil && len(block.Transactions()) > 0 && m.pending() > 0 {
		m.wait(0)
	}
}

// commit makes one block at the time that it should be, which is later than the clock after an Advance.
func (m *miner) commit() {
	if m.pending() == 0 && m.lead() < -time.Second {
		if err := m.chain.beacon.AdjustTime(-m.lead()); err == nil {
			return
		}
	}
	m.chain.beacon.Commit()
	if err := m.chain.eth.TxPool().Sync(); err != nil {
		m.chain.cfg.Log.Warn("transaction pool is out of step", "error", err)
	}
}

func (m *miner) advance(by time.Duration) error {
	for range 100 {
		if m.pending() == 0 {
			if err := m.chain.beacon.AdjustTime(by); err != nil {
				return fmt.Errorf("devchain: advance: %w", err)
			}
			m.offset += by
			return nil
		}
		m.commit()
	}
	return errors.New("devchain: advance: transactions keep coming")
}
