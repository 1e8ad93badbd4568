package transcode

import (
	"io/fs"
	"os"
	"strconv"
	"strings"

	"castnet/test/children"
)

// childRSS is the largest peak resident size of this process's children, in MiB.
func childRSS() float64 {
	var top float64
	for _, pid := range children.List() {
		status, _ := fs.ReadFile(os.DirFS("/proc"), strconv.Itoa(pid)+"/status")
		_, after, _ := strings.Cut(string(status), "VmHWM:")
		line, _, _ := strings.Cut(after, "kB")
		kib, _ := strconv.ParseFloat(strings.TrimSpace(line), 64)
		top = max(top, kib/1024)
	}
	return top
}
