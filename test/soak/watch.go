package main

import (
	"context"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"castnet/test/children"
)

// state is what a process holds.
type state struct {
	rss               float64 // MiB
	files, goroutines int
}

func look(pid int) (state, error) {
	var s state
	proc, err := fs.Sub(os.DirFS("/proc"), strconv.Itoa(pid))
	if err != nil {
		return s, err
	}
	status, err := fs.ReadFile(proc, "status")
	if err != nil {
		return s, err
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	line, _, _ := strings.Cut(after, "kB")
	kib, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		return s, err
	}
	files, err := fs.ReadDir(proc, "fd")
	if err != nil {
		return s, err
	}
	s.rss, s.files = kib/1024, len(files)
	if pid == os.Getpid() {
		s.goroutines = runtime.NumGoroutine()
	}
	return s, nil
}

// watch looks at this process and at the lasting sessions' workers, and kills others.
type watch struct {
	began   time.Time
	length  time.Duration
	lasting []int           // processes, of which some are spares until those are gone
	seen    map[int][]state // by process
	at      []time.Duration // of each sample
}

func newWatch(workers []int, d time.Duration) *watch {
	return &watch{began: time.Now(), length: d, lasting: workers, seen: make(map[int][]state)}
}

// run samples until ctx ends.
func (w *watch) run(ctx context.Context, f *figures) error {
	sample, kill := time.NewTicker(sampleEvery), time.NewTicker(killEvery)
	defer sample.Stop()
	defer kill.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sample.C:
			if err := w.sample(); err != nil {
				return err
			}
		case <-kill.C:
			if len(w.lasting) > len(lasting) {
				continue // the spares of the beginning have not been used yet
			}
			for _, pid := range children.List() {
				if !slices.Contains(w.lasting, pid) && syscall.Kill(pid, syscall.SIGKILL) == nil {
					f.Kills++
				}
			}
		}
	}
}

func (w *watch) sample() error {
	w.at = append(w.at, time.Since(w.began))
	now := children.List()
	w.lasting = slices.DeleteFunc(w.lasting, func(pid int) bool { return !slices.Contains(now, pid) })
	for _, pid := range append(slices.Clone(w.lasting), os.Getpid()) {
		s, err := look(pid)
		if err != nil && pid == os.Getpid() {
			return err
		}
		w.seen[pid] = append(w.seen[pid], s) // a spare may have gone just now: then it is no lasting one
	}
	return nil
}

// judge compares the end with the end of the warm-up.
func (w *watch) judge(f *figures) {
	first := time.Duration(warmUp * float64(w.length))
	early := w.between(first, first+time.Duration(window*float64(w.length)))
	late := w.between(w.length-time.Duration(window*float64(w.length)), w.length)
	for _, pid := range append(slices.Clone(w.lasting), os.Getpid()) {
		before, after := w.median(pid, early), w.median(pid, late)
		growth := after.rss / before.rss
		if pid == os.Getpid() {
			f.ParentRSSMiB, f.ParentRSSGrowth = after.rss, growth
			continue
		}
		f.WorkerRSSMiB = append(f.WorkerRSSMiB, after.rss)
		f.WorkerRSSGrowth = append(f.WorkerRSSGrowth, growth)
		f.WorkerFiles += after.files - before.files
	}
}

// between lists the samples taken in a time.
func (w *watch) between(from, to time.Duration) []int {
	var list []int
	for i, at := range w.at {
		if at >= from && at <= to {
			list = append(list, i)
		}
	}
	return list
}

func (w *watch) median(pid int, samples []int) state {
	var rss []float64
	var files []int
	for _, i := range samples {
		if i < len(w.seen[pid]) {
			rss, files = append(rss, w.seen[pid][i].rss), append(files, w.seen[pid][i].files)
		}
	}
	if len(rss) == 0 {
		return state{}
	}
	slices.Sort(rss)
	slices.Sort(files)
	return state{rss: rss[len(rss)/2], files: files[len(files)/2]}
}
