package txs_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"math/big"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/contracts/chain/txs"
)

const gwei = 1_000_000_000

// scene is a manager over a node whose blocks the test makes, in a bubble of fake time.
type scene struct {
	t     *testing.T
	node  *fakeNode
	store *memory
	cfg   txs.Config
	m     *txs.Manager
	kill  func() // ends the manager and waits for it
}

// inBubble runs a test with a manager of its own.
func inBubble(t *testing.T, test func(s *scene), change ...func(*txs.Config)) {
	t.Helper()
	private := crypto.ToECDSAUnsafe(crypto.Keccak256([]byte("manager")))
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, node: newFakeNode(7), store: &memory{kept: make(map[uint64]txs.Pending)}}
		s.cfg = txs.Config{
			Node: s.node, Account: crypto.PubkeyToAddress(private.PublicKey), ChainID: 1, Sign: signer(private), Store: s.store,
			MaxGasPrice: big.NewInt(500 * gwei), GasPriceFloor: big.NewInt(gwei), NewHead: s.node.newHead,
		}
		for _, f := range change {
			f(&s.cfg)
		}
		s.start(t)
		test(s)
		s.kill()
	})
}

func signer(private *ecdsa.PrivateKey) func(context.Context, *types.Transaction) (*types.Transaction, error) {
	return func(_ context.Context, tx *types.Transaction) (*types.Transaction, error) {
		return types.SignTx(tx, types.LatestSignerForChainID(big.NewInt(1)), private)
	}
}

// start begins a process; what the one before stored is there.
func (s *scene) start(t *testing.T) {
	t.Helper()
	m, err := txs.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	s.m, s.kill = m, func() { cancel(); <-done }
	synctest.Wait()
}

type answer struct {
	receipt *types.Receipt
	err     error
}

// begin sends call number n in the background.
func (s *scene) begin(t *testing.T, n byte) <-chan answer {
	t.Helper()
	answers := make(chan answer, 1)
	go func() {
		receipt, err := s.m.Send(t.Context(), txs.Call{To: &common.Address{1}, Data: []byte{n}, Gas: 21_000})
		answers <- answer{receipt, err}
	}()
	synctest.Wait()
	return answers
}

func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // fake time
	synctest.Wait()
}

func TestNoncesFollowEachOther(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		answers := []<-chan answer{s.begin(t, 1), s.begin(t, 2), s.begin(t, 3)}
		sent := s.node.all()
		for i, tx := range sent {
			if tx.Nonce() != uint64(7+i) {
				t.Errorf("transaction %d has nonce %d", i, tx.Nonce())
			}
		}
		if len(s.store.kept) != 3 {
			t.Errorf("%d transactions stored", len(s.store.kept))
		}
		s.node.mine(sent...)
		for i, a := range answers {
			if got := <-a; got.err != nil || got.receipt.TxHash != sent[i].Hash() {
				t.Errorf("answer %d: %+v", i, got)
			}
		}
		if len(s.store.kept) != 0 {
			t.Errorf("%d final transactions stay in the store", len(s.store.kept))
		}
	})
}

func TestFeeRisesWhileWaiting(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		waiting, behind := s.begin(t, 1), s.begin(t, 2)
		pass(40 * time.Second)
		var versions []*types.Transaction
		for _, tx := range s.node.all() {
			if tx.Nonce() == 7 {
				versions = append(versions, tx)
			} else if tx.Hash() != s.node.all()[1].Hash() {
				t.Error("a transaction that waits for another was made dearer")
			}
		}
		if len(versions) < 3 {
			t.Fatalf("%d versions after 40 s", len(versions))
		}
		for i := 1; i < len(versions); i++ {
			before, after := versions[i-1], versions[i]
			if !raisedByTenth(before.GasTipCap(), after.GasTipCap()) || !raisedByTenth(before.GasFeeCap(), after.GasFeeCap()) {
				t.Errorf("version %d raises too little", i)
			}
		}
		// Any version may win.
		s.node.mine(versions[1], s.node.all()[1])
		if got := <-waiting; got.err != nil || got.receipt.TxHash != versions[1].Hash() {
			t.Errorf("%+v", got)
		}
		if got := <-behind; got.err != nil {
			t.Error(got.err)
		}
	})
}

func raisedByTenth(before, after *big.Int) bool {
	return new(big.Int).Mul(after, big.NewInt(10)).Cmp(new(big.Int).Mul(before, big.NewInt(11))) >= 0
}

func TestAtTheFeeLimitTheSameIsSentAgain(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		waiting := s.begin(t, 1)
		s.node.forget() // the node drops it
		pass(5 * time.Minute)
		sent := s.node.all()
		if len(sent) < 10 {
			t.Errorf("sent %d times in 5 min", len(sent))
		}
		for _, tx := range sent {
			if tx.GasFeeCap().Int64() > 22*gwei {
				t.Errorf("bid %v", tx.GasFeeCap())
			}
		}
		s.node.mine(sent[len(sent)-1])
		if got := <-waiting; got.err != nil {
			t.Error(got.err)
		}
		s.node.setBaseFee(30 * gwei)
		var dear *txs.GasPriceError
		if got := <-s.begin(t, 2); !errors.As(got.err, &dear) || dear.Price.Int64() != 31*gwei {
			t.Errorf("gas above the limit: %v", got.err)
		}
	}, func(cfg *txs.Config) { cfg.MaxGasPrice = big.NewInt(22 * gwei) })
}

func TestNonceTakenBySomebodyElse(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		waiting := s.begin(t, 1)
		s.node.setNonce(9)
		pass(time.Minute)
		var taken *txs.TakenError
		if got := <-waiting; !errors.As(got.err, &taken) || taken.Nonce != 7 {
			t.Fatalf("%+v", got)
		}
		if len(s.node.all()) != 1 || len(s.store.kept) != 0 {
			t.Errorf("sent %d times, %d kept: only the caller knows whether it is still wanted", len(s.node.all()), len(s.store.kept))
		}
		next := s.begin(t, 1)
		s.node.mine(s.node.all()[1])
		if got := <-next; got.err != nil {
			t.Error(got.err)
		}
	})
}

// A node may know an account's new nonce before it finds the receipt.
func TestReceiptBehindNonce(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		waiting := s.begin(t, 1)
		s.node.setNonce(8)
		pass(20 * time.Second)
		s.node.mine(s.node.all()[0])
		if got := <-waiting; got.err != nil {
			t.Error(got.err)
		}
	})
}

func TestRefusalsOfTheNode(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		s.node.refuse(rpcError("nonce too low: next nonce 8, tx nonce 7"))
		waiting := s.begin(t, 1)
		s.node.mine(s.node.all()[0])
		if got := <-waiting; got.err != nil {
			t.Errorf("after the node's correction: %v", got.err)
		}
		s.node.refuse(rpcError("insufficient funds for gas * price + value"))
		if got := <-s.begin(t, 2); got.err == nil {
			t.Error("insufficient funds went unnoticed")
		}
		if len(s.store.kept) != 0 {
			t.Error("a refused transaction stays in the store")
		}
		waiting = s.begin(t, 3)
		if nonce := s.node.all()[1].Nonce(); nonce != 8 {
			t.Errorf("a refused transaction left a gap: nonce %d", nonce)
		}
		s.node.mine(s.node.all()[1])
		<-waiting
	})
}

// After an answer that did not come nobody knows whether the node has the transaction: it is repeated, not made anew.
func TestNoAnswer(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		for _, err := range []error{
			errors.New("429 Too Many Requests"), errors.New("connection reset by peer"), rpcError("rate limit exceeded"), context.DeadlineExceeded,
		} {
			s.node.refuse(err)
			before := len(s.node.all())
			waiting := s.begin(t, 1)
			pass(20 * time.Second)
			again := s.node.all()[before]
			s.node.mine(again)
			if got := <-waiting; got.err != nil || again.Nonce() != uint64(7+before) {
				t.Errorf("%v: %+v, nonce %d", err, got, again.Nonce())
			}
		}
	})
}

// A request that reaches the node twice has its transaction mined, and is refused.
func TestRefusedAfterItWasMined(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		s.node.mineAndRefuse(rpcError("nonce too low: next nonce 8, tx nonce 7"))
		waiting := s.begin(t, 1)
		pass(time.Minute)
		if got := <-waiting; got.err != nil || got.receipt == nil {
			t.Errorf("%+v", got)
		}
		if n := len(s.node.all()); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

func TestConfirmations(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		waiting := s.begin(t, 1)
		first := s.node.all()[0]
		s.node.mine(first)
		s.node.mine()
		synctest.Wait()
		select {
		case got := <-waiting:
			t.Fatalf("final after two blocks: %+v", got)
		default:
		}
		s.node.reorg(2) // its block is gone
		pass(20 * time.Second)
		if sent := s.node.all(); len(sent) < 2 || sent[len(sent)-1].Nonce() != 7 {
			t.Fatal("not sent again after its block was gone")
		}
		s.node.mine(first)
		s.node.mine()
		s.node.mine()
		if got := <-waiting; got.err != nil || got.receipt.TxHash != first.Hash() {
			t.Errorf("%+v", got)
		}
	}, func(cfg *txs.Config) { cfg.Confirmations = 3 })
}

func TestStopAnswersEverybody(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		waiting := s.begin(t, 1)
		s.kill()
		if got := <-waiting; !errors.Is(got.err, txs.ErrStopped) {
			t.Errorf("in flight: %v", got.err)
		}
		if got := <-s.begin(t, 2); !errors.Is(got.err, txs.ErrStopped) {
			t.Errorf("afterwards: %v", got.err)
		}
	})
}

func TestRestartSendsTheSameBytesAndNothingTwice(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		s.begin(t, 1)
		s.begin(t, 2)
		before := s.node.all()
		s.kill()
		s.node.forget() // the node was restarted too
		s.start(t)
		after := s.node.all()[2:]
		if !slices.EqualFunc(before, after, func(a, b *types.Transaction) bool { return a.Hash() == b.Hash() }) {
			t.Fatalf("after the restart other transactions were sent")
		}
		// Who asks for the same continues it; who asks again makes another.
		first, second, another := s.begin(t, 1), s.begin(t, 2), s.begin(t, 2)
		sent := s.node.all()
		if len(sent) != 5 || sent[4].Nonce() != 9 {
			t.Fatalf("%d transactions, the last with nonce %d", len(sent), sent[len(sent)-1].Nonce())
		}
		s.node.mine(after[0], after[1], sent[4])
		for i, want := range []common.Hash{before[0].Hash(), before[1].Hash(), sent[4].Hash()} {
			if got := <-[]<-chan answer{first, second, another}[i]; got.err != nil || got.receipt.TxHash != want {
				t.Errorf("answer %d: %+v", i, got)
			}
		}
	})
}

func TestMinedWhileNobodyWasThere(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		s.begin(t, 1)
		tx := s.node.all()[0]
		s.kill()
		s.node.mine(tx)
		s.start(t)
		if got := <-s.begin(t, 1); got.err != nil || got.receipt.TxHash != tx.Hash() {
			t.Errorf("%+v", got)
		}
		if n := len(s.node.all()); n != 1 {
			t.Errorf("sent %d times", n)
		}
		waiting := s.begin(t, 1) // now it is another one
		s.node.mine(s.node.all()[1])
		if got := <-waiting; got.err != nil || got.receipt.TxHash == tx.Hash() {
			t.Errorf("%+v", got)
		}
	})
}

// A chain that comes back with an older state has lost nonces that the manager took for final.
func TestMissingNoncesAreFilled(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		first := s.begin(t, 1)
		s.node.mine(s.node.all()[0])
		<-first
		waiting := s.begin(t, 2) // nonce 8
		s.node.reorg(1)
		s.node.forget()
		pass(40 * time.Second)
		sent := s.node.all()
		filler := sent[slices.IndexFunc(sent, func(tx *types.Transaction) bool { return len(tx.Data()) == 0 })]
		if filler.Nonce() != 7 || *filler.To() != s.cfg.Account || filler.Value().Sign() != 0 {
			t.Fatalf("filler: nonce %d to %v", filler.Nonce(), filler.To())
		}
		s.node.mine(filler, sent[1])
		if got := <-waiting; got.err != nil {
			t.Error(got.err)
		}
	})
}

func TestStoreOfAnotherChain(t *testing.T) {
	inBubble(t, func(s *scene) {
		t := s.t
		s.begin(t, 1)
		s.kill()
		cfg := s.cfg
		cfg.ChainID = 2
		m, err := txs.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Run(t.Context()); err == nil {
			t.Error("a transaction of another chain was taken over")
		}
	})
}

// asleep is a store that answers when nobody waits any more.
type asleep struct{ txs.Store }

func (asleep) Pending(ctx context.Context, _ common.Address) ([]txs.Pending, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Whoever ends a manager while it reads its store hears of no error: a command that was refused meanwhile has its own.
func TestStoppedWhileItBegins(t *testing.T) {
	inBubble(t, func(s *scene) {
		cfg := s.cfg
		cfg.Store = asleep{}
		m, err := txs.New(cfg)
		if err != nil {
			s.t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		if err := m.Run(ctx); err != nil {
			s.t.Error(err)
		}
	})
}
