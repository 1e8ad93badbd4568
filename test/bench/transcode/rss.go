package transcode

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// childRSS is the largest peak resident size of this process's children now, in MiB.
func childRSS() float64 {
	var top float64
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, l := range lists {
		pids, _ := os.ReadFile(l) // a thread may have gone
		for pid := range strings.FieldsSeq(string(pids)) {
			status, _ := os.ReadFile(filepath.Join("/proc", pid, "status")) // so may a child
			for line := range strings.Lines(string(status)) {
				if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					n, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 64)
					top = max(top, n/1024)
				}
			}
		}
	}
	return top
}
