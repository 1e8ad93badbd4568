// Command stubcard stands in for castnet-worker on a machine with NVIDIA cards that fail when they are told to. It is a
// stub: the real worker, installed beside it as castnet-worker.real, does the work on the processor, and this program
// passes its messages on until the file of the session's device (nvidia-0, say), also beside it, names a fault:
//
//	begin   sessions are refused when they are opened
//	first   sessions end, by the device's fault, in place of their first picture
//	fail    sessions end by the device's fault at their next message
//	crash   the process ends at the session's next message
//	hang    nothing more comes
//	test    the self-test finds that the device can do nothing
//
// A fault may be followed by the id of the one session that it is for.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"castnet/internal/media"
	"castnet/internal/wire"
	"castnet/transcoder"
)

func main() {
	run := relay
	if len(os.Args) >= 2 && os.Args[1] == "probe" {
		run = probe
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "stubcard:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

// card is one session's device, or one under test.
type card struct {
	dir     string
	device  transcoder.Device
	session string
}

// has reports whether the device has a fault now.
func (c *card) has(fault string) bool {
	text, _ := os.ReadFile(filepath.Join(c.dir, strings.ReplaceAll(c.device.String(), ":", "-"))) // no file: no fault
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) > 0 && words[0] == fault && (len(words) == 1 || words[1] == c.session) {
			return true
		}
	}
	return false
}

func home() (string, error) {
	self, err := os.Executable()
	return filepath.Dir(self), err
}

func probe() error {
	dir, err := home()
	if err != nil {
		return err
	}
	var places []transcoder.Place
	for _, name := range os.Args[2:] {
		d, err := transcoder.ParseDevice(name)
		if err != nil {
			return err
		}
		c := card{dir: dir, device: d}
		at := transcoder.Place{Device: d, Decode: []media.Codec{media.H264}, Encode: []media.Codec{media.H264}}
		if c.has("test") {
			at = transcoder.Place{Device: d, Problem: "the stub's card has fallen off the bus"}
		}
		places = append(places, at)
	}
	return json.NewEncoder(os.Stdout).Encode(places)
}

func relay() error {
	runtime.LockOSThread() // the worker ends with the thread that starts it
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	dir, err := home()
	if err != nil {
		return err
	}
	above, err := net.FileConn(os.NewFile(3, "session"))
	if err != nil {
		return err
	}
	up := wire.NewConn(above)
	first := new(wire.ToTranscoder)
	if err := up.Read(first); err != nil {
		return nil //nolint:nilerr // a spare that was not needed
	}
	cfg, err := wire.DecodeOpen(first.GetOpen())
	if err != nil {
		return err
	}
	c := card{dir: dir, device: cfg.Device, session: cfg.ID}
	if c.has("begin") {
		return up.Write(wire.EncodeFailed(fmt.Errorf("%w: the stub's card takes no session", transcoder.ErrDevice)))
	}
	cfg.Device = transcoder.Device{}
	first.Message = &wire.ToTranscoder_Open{Open: wire.EncodeOpen(cfg)}
	below, err := start(filepath.Join(dir, "castnet-worker.real"))
	if err != nil {
		return err
	}
	down := wire.NewConn(below)
	if err := down.Write(first); err != nil {
		return err
	}
	go func() {
		defer below.Close() // the worker ends with it
		for {
			m := new(wire.ToTranscoder)
			if up.Read(m) != nil || down.Write(m) != nil {
				return
			}
		}
	}()
	return c.outputs(down, up)
}

// outputs passes on what the worker says, until it or the device fails.
func (c *card) outputs(down, up *wire.Conn) error {
	for {
		m := new(wire.FromTranscoder)
		if err := down.Read(m); err != nil {
			return err
		}
		switch {
		case m.GetOpened() != nil:
		case c.has("fail"), c.has("first") && m.GetUnit() != nil:
			return up.Write(wire.EncodeFailed(fmt.Errorf("%w: the stub's card has failed", transcoder.ErrDevice)))
		case c.has("crash"):
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case c.has("hang"):
			select {}
		}
		if err := up.Write(m); err != nil {
			return err
		}
	}
}

// start starts a worker as package worker does.
func start(binary string) (net.Conn, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "session")
	defer func() { _, _ = ours.Close(), theirs.Close() }() // else the worker's death is not seen
	cmd := exec.Command(binary)                            //nolint:noctx // it ends with this process
	cmd.Env = slices.Clone(os.Environ())
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return net.FileConn(ours)
}
