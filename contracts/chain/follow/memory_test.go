package follow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"castnet/contracts/chain/follow"
)

// memory is a follow.Store that insists on what the follower promises.
type memory struct {
	mu      sync.Mutex
	blocks  []follow.Block
	undos   int
	refuse  int
	changed chan struct{}
}

func newMemory() *memory { return &memory{changed: make(chan struct{})} }

func (m *memory) Headers(context.Context) ([]follow.Header, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []follow.Header
	for _, b := range slices.Backward(m.blocks) {
		list = append(list, b.Header)
	}
	return list[:min(len(list), 16)], nil
}

func (m *memory) Apply(_ context.Context, blocks []follow.Block) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse > 0 {
		m.refuse--
		return errors.New("the disk is full")
	}
	for _, b := range blocks {
		if n := len(m.blocks); n > 0 {
			last := m.blocks[n-1].Header
			if b.Number <= last.Number || b.Number == last.Number+1 && b.Parent != last.Hash {
				return fmt.Errorf("block %d after block %d", b.Number, last.Number)
			}
		}
		m.blocks = append(m.blocks, b)
	}
	m.notify()
	return nil
}

func (m *memory) Undo(_ context.Context, number uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocks = slices.DeleteFunc(m.blocks, func(b follow.Block) bool { return b.Number > number })
	m.undos++
	m.notify()
	return nil
}

func (m *memory) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) undone() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.undos
}

// fail makes the next applications fail.
func (m *memory) fail(times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = times
}

func (m *memory) words() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	words := []string{}
	for _, b := range m.blocks {
		for _, l := range b.Logs {
			words = append(words, string(l.Data))
		}
	}
	return words
}

// waitFor returns when a block is the last one applied.
func (m *memory) waitFor(t *testing.T, hash common.Hash) {
	t.Helper()
	for {
		m.mu.Lock()
		n := len(m.blocks)
		there, changed := n > 0 && m.blocks[n-1].Hash == hash, m.changed
		m.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("block %v was not applied", hash)
		}
	}
}

func dialProxy(t *testing.T, url string) (*rpc.Client, error) {
	t.Helper()
	client, err := rpc.DialContext(t.Context(), url)
	if err == nil {
		t.Cleanup(client.Close)
	}
	return client, err
}

func runUntilCleanup(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}
