// Package children lists the processes that this one has started, for tests and benches that measure or kill them.
package children

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// List gives this process's children. Threads and children may go while /proc is read: then they count no more.
func List() []int {
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
