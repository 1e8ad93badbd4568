package sqlite_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store"
	"castnet/probabilistic-payments/store/storetest"
)

const childEnv = "CASTNET_STORE_TEST_CHILD" // the store that the child is to write

// TestKilledProcessLosesNothingAcknowledged kills a real process with SIGKILL in the middle of many writes: what it had
// acknowledged is in the store, and the store's books balance.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		writeUntilKilled(t, path)
		return
	}
	for run := range uint64(8) {
		path := filepath.Join(t.TempDir(), "money.db")
		acked := killAfter(t, path, 1+rand.New(rand.NewPCG(run, 3)).IntN(400))
		s := openAt(t, path)
		for _, seq := range acked {
			c := storetest.NewCharge(seq, 0)
			if ticket, err := s.Ticket(t.Context(), c.PaymentKey); err != nil || ticket != *storetest.NewTicket(c, seq) {
				t.Fatalf("run %d: the sender's ticket %d is lost: %v", run, seq, err)
			}
			if stored, err := s.Charge(t.Context(), c.Receipt); err != nil || stored.State != payments.ChargePaid {
				t.Fatalf("run %d: payment %d is lost: %+v %v", run, seq, stored, err)
			}
		}
		if _, err := store.Check(t.Context(), s); err != nil {
			t.Errorf("run %d: %v", run, err)
		}
	}
}

// killAfter runs a child on the store at path, kills it after n acknowledgements, and returns all that it gave.
func killAfter(t *testing.T, path string, n int) (acked []uint64) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcessLosesNothingAcknowledged$")
	child.Env = append(os.Environ(), childEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		seq, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
		if acked = append(acked, seq); len(acked) == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(acked) < n {
		t.Fatalf("the child ended by itself after %d of %d: %v", len(acked), n, err)
	}
	return acked
}

// writeUntilKilled is the child: it pays and is paid from many goroutines, and acknowledges on standard output.
func writeUntilKilled(t *testing.T, path string) {
	t.Helper()
	s := openAt(t, path)
	ctx := t.Context()
	var out sync.Mutex
	var wg sync.WaitGroup
	for worker := range uint64(16) {
		wg.Go(func() {
			for i := range uint64(100_000) {
				seq := i*16 + worker
				c := storetest.NewCharge(seq, 0)
				ticket := storetest.NewTicket(c, seq)
				_, err := s.SaveTicket(ctx, c.PaymentKey, ticket)
				var winner *payments.Winner
				if seq%3 == 0 {
					winner = &payments.Winner{SignedTicket: *ticket, Lease: c.Lease, Seq: seq}
				}
				if err := errors.Join(err, s.AddCharge(ctx, c), s.Accept(ctx, ticket, winner)); err != nil {
					t.Error(err)
					return
				}
				out.Lock()
				_, err = fmt.Fprintln(os.Stdout, seq)
				out.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}
