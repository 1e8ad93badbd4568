package transcode

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// childRSS is the largest peak resident size of this process's children now, in MiB.
func childRSS() float64 {
	var top float64
	proc := os.DirFS("/proc") // threads and children may go while it is read: then they count no more
	lists, _ := fs.Glob(proc, strconv.Itoa(os.Getpid())+"/task/*/children")
	for _, l := range lists {
		pids, _ := fs.ReadFile(proc, l)
		for pid := range strings.FieldsSeq(string(pids)) {
			status, _ := fs.ReadFile(proc, pid+"/status")
			_, after, _ := strings.Cut(string(status), "VmHWM:")
			line, _, _ := strings.Cut(after, "kB")
			kib, _ := strconv.ParseFloat(strings.TrimSpace(line), 64)
			top = max(top, kib/1024)
		}
	}
	return top
}
