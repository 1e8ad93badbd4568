package worker

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"castnet/internal/wire"
	"castnet/transcoder"
)

// reapTime is how long after the end of its connection a worker may take to end before it is killed.
const reapTime = 200 * time.Millisecond

// process is one castnet-worker and this side of the socket pair to it.
type process struct {
	cmd    *exec.Cmd
	conn   net.Conn
	msgs   *wire.Conn
	stderr lastWords
	done   chan struct{} // closed when the process has ended and been reaped
	exit   error         // why, once done is closed
}

func startProcess(binary string) (*process, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair for a worker: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "session")
	defer func() { _, _ = ours.Close(), theirs.Close() }() // FileConn and the child have their own
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("socket pair for a worker: %w", err)
	}
	p := &process{cmd: exec.Command(binary), conn: conn, msgs: wire.NewConn(conn), done: make(chan struct{})} //nolint:noctx // ended by kill
	p.cmd.Dir = "/"
	p.cmd.Stderr = &p.stderr
	p.cmd.ExtraFiles = []*os.File{theirs}
	p.cmd.Env = environment()
	// A group of its own: the terminal's Ctrl-C is for castnet, which ends its workers itself.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := startLazy(p.cmd); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	return p, nil
}

// environment is a worker's: nothing of this process's, which may hold secrets. glibc's defaults would cost a worker five
// times the memory (an arena a thread, and frames that never go back), and 1 % more of the CPU (small pages). Go lets no
// more goroutines run than there are cores, and counts those inside libav until it notices, up to 10 ms later: on two
// cores, with three rungs and other load, the goroutines that carry units waited for that, and p95 from unit to unit was
// 560 ms instead of 63. CUDA counts cards by speed unless it is told to count as nvidia-smi and NVML do.
func environment() []string {
	env := []string{
		"GOMAXPROCS=16", "MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=131072", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1",
		"CUDA_DEVICE_ORDER=PCI_BUS_ID",
	}
	if path, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok { // where libav may be
		env = append(env, "LD_LIBRARY_PATH="+path)
	}
	return env
}

// lazyTimers is how late a worker's timers may be. While threads are inside libav, Go's monitor thread looks at them
// every 20 µs, which took 7 % of a core; with this slack it looks so rarely that it does not show. Frames wake threads at
// once; what waits for a timer is the word on progress alone, every 80 ms.
const lazyTimers = 5 * time.Millisecond

// startLazy starts a process whose threads have that slack: a child takes over the one of the thread that starts it.
func startLazy(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Kernels in a sandbox (gVisor) may not know it: then timers are punctual.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(lazyTimers), 0, 0, 0)
	defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // 0: the default again
	return cmd.Start()
}

// wait reaps the process. It is called once. What the process said last can still be read then.
func (p *process) wait() {
	p.exit = p.cmd.Wait()
	close(p.done)
}

// discard ends a process that nobody reads any more.
func (p *process) discard() {
	p.kill()
	_ = p.conn.Close()
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// cause says why an ended process ended.
func (p *process) cause() string {
	reason := "exited"
	if p.exit != nil {
		reason = p.exit.Error()
	}
	if text := p.stderr.String(); text != "" {
		reason += ": " + text
	}
	return reason
}

// died explains the end of the connection: err is what reading or writing met.
func (p *process) died(err error) error {
	select {
	case <-p.done:
	case <-time.After(reapTime):
		p.kill()
		<-p.done
		return fmt.Errorf("%w: %w", transcoder.ErrWorkerDied, err)
	}
	return fmt.Errorf("%w: %s", transcoder.ErrWorkerDied, p.cause())
}

// lastWords keeps the beginning of what a worker says on its way out: Go's and libc's last words begin
// with the reason.
type lastWords struct {
	mu  sync.Mutex
	buf []byte
}

const lastWordsBytes = 512

// Write never fails: a worker must not block on its complaints.
func (t *lastWords) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[:min(len(b), lastWordsBytes-len(t.buf))]...)
	return len(b), nil
}

func (t *lastWords) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line, _, _ := strings.Cut(string(t.buf), "\n")
	return strings.ToValidUTF8(line, "?")
}
