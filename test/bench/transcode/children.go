package transcode

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// children lists this process's children. Threads and children may go while /proc is read: then they count no more.
func children() []int {
	var out []int
	proc := os.DirFS("/proc")
	lists, _ := fs.Glob(proc, strconv.Itoa(os.Getpid())+"/task/*/children")
	for _, l := range lists {
		pids, _ := fs.ReadFile(proc, l)
		for field := range strings.FieldsSeq(string(pids)) {
			if pid, err := strconv.Atoi(field); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// childRSS is the largest peak resident size of this process's children, in MiB.
func childRSS() float64 {
	var top float64
	for _, pid := range children() {
		status, _ := fs.ReadFile(os.DirFS("/proc"), strconv.Itoa(pid)+"/status")
		_, after, _ := strings.Cut(string(status), "VmHWM:")
		line, _, _ := strings.Cut(after, "kB")
		kib, _ := strconv.ParseFloat(strings.TrimSpace(line), 64)
		top = max(top, kib/1024)
	}
	return top
}
