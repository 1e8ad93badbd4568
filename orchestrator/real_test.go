package orchestrator_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/media"
	"castnet/orchestrator/rpc"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// workers runs a pool of real worker processes.
func workers(t *testing.T) *worker.Pool {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "castnet-worker")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "castnet/cmd/castnet-worker").CombinedOutput(); err != nil {
		t.Fatalf("build the worker: %v\n%s", err, out)
	}
	pool, err := worker.New(worker.Config{Binary: binary, Logger: (&network{t: t}).log()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- pool.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return pool
}

// kill ends every worker process as a crash does.
func kill(t *testing.T) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has gone
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // may have ended by itself
			}
		}
	}
}

// gops splits a stream at its key pictures.
func gops(v *clip.Video) [][]*media.Unit {
	var list [][]*media.Unit
	for _, u := range v.Units {
		if u.Key {
			list = append(list, nil)
		}
		list[len(list)-1] = append(list[len(list)-1], u)
	}
	return list
}

// TestRealWorker: camera pictures with B-frames go through a real worker process; receipts hold, tickets are taken, and
// after a kill -9 in the middle the renditions have every picture once.
func TestRealWorker(t *testing.T) {
	v, err := clip.Make(t.Context(), clip.Spec{Width: 640, Height: 360, FPS: 30, Seconds: 4, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	b := newNetwork(t, workers(t)).open(1)
	var want []int64
	made := make([][]int64, len(ladder()))
	var prev common.Hash
	for seq, list := range gops(v) {
		start := transcoder.StartSegment{Seq: uint64(seq), Attempt: 1, Track: v.Track, Fresh: seq == 0}
		if seq == 2 {
			start = b.interrupted(start, list, made)
		}
		p := b.feed(start, list)
		b.end(p)
		signed, got := until[rpc.SignedReceipt](b)
		b.verify(&signed, p, got, prev)
		prev = signed.Receipt.Hash()
		b.send(b.ticket(&signed.Receipt))
		if result, _ := until[rpc.PaymentResult](b); !result.Accepted {
			t.Fatalf("payment: %+v", result)
		}
		want = append(want, p.pts...)
		for i := range made {
			made[i] = append(made[i], got.pts[i]...)
		}
	}
	slices.Sort(want)
	for i := range made {
		if !slices.Equal(made[i], want) {
			t.Errorf("rendition %d has %d pictures, want %d, each once:\n%v\n%v", i, len(made[i]), len(want), made[i], want)
		}
	}
}

// interrupted sends half a segment, kills the worker when something has come of it, and returns how to go on.
func (b *broadcaster) interrupted(start transcoder.StartSegment, list []*media.Unit, made [][]int64) transcoder.StartSegment {
	b.t.Helper()
	half := start
	half.FirstPTS = list[0].PTS
	b.send(half)
	for _, u := range list[:len(list)/2] {
		b.send(transcoder.WriteUnit{Unit: u})
	}
	killed := false
	for {
		switch m := b.recv().(type) {
		case transcoder.Rendered:
			made[m.Rendition] = append(made[m.Rendition], m.Unit.PTS)
			if !killed {
				kill(b.t)
				killed = true
			}
		case rpc.Refusal:
			if m.Code != rpc.CodeWorkerDied || m.Seq != start.Seq || m.Attempt != start.Attempt {
				b.t.Fatalf("refusal %+v", m)
			}
			start.Attempt++
			start.Fresh = true
			start.ResumeAfter = make([]int64, len(made))
			for i := range made {
				start.ResumeAfter[i] = made[i][len(made[i])-1]
			}
			return start
		}
	}
}
