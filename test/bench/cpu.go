package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"castnet/test/testnet"
)

// ticks is the resolution of the kernel's account: USER_HZ, 100 on every Linux.
const ticks = 100

// spent is the CPU seconds, user and system, of a process, and of its children that have ended.
func spent(pid int) (own, ended float64, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, ok := strings.Cut(string(stat), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		return 0, 0, fmt.Errorf("process %d: unexpected stat %q", pid, stat)
	}
	var n [4]float64 // utime, stime, cutime, cstime: fields 14 to 17 of proc(5); rest begins with field 3
	for i := range n {
		if n[i], err = strconv.ParseFloat(fields[11+i], 64); err != nil {
			return 0, 0, err
		}
	}
	return (n[0] + n[1]) / ticks, (n[2] + n[3]) / ticks, nil
}

// usage is the CPU seconds of a network's processes since they began, without the chain's.
type usage struct{ broadcaster, orchestrators, workers float64 }

func (u usage) sum() float64 { return u.broadcaster + u.orchestrators + u.workers }

func (u usage) minus(v usage) usage {
	return usage{u.broadcaster - v.broadcaster, u.orchestrators - v.orchestrators, u.workers - v.workers}
}

// used reads a network's usage. Workers come and go: what one has used is in its parent's account once it has ended.
func used(n *testnet.Network) (usage, error) {
	var u usage
	broadcasters, orchestrators := n.Pids("broadcaster", "--demo-key"), n.Pids("orchestrator", "run", "--owner")
	if len(broadcasters) != 1 || len(orchestrators) != testnet.Orchestrators {
		return u, fmt.Errorf("the network has %d broadcasters and %d orchestrators", len(broadcasters), len(orchestrators))
	}
	role := func(sum *float64, pids []int) error {
		for _, pid := range pids {
			for _, worker := range n.Workers(pid) {
				own, _, err := spent(worker)
				if err != nil {
					return err
				}
				u.workers += own
			}
			own, ended, err := spent(pid)
			if err != nil {
				return err
			}
			*sum += own
			u.workers += ended
		}
		return nil
	}
	if err := role(&u.broadcaster, broadcasters); err != nil {
		return u, err
	}
	return u, role(&u.orchestrators, orchestrators)
}

// resident is the MiB that a process holds in memory.
func resident(pid int) (float64, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(rollup)) {
		if value, ok := strings.CutPrefix(line, "Rss:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d: no Rss in its smaps_rollup", pid)
}
