package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"castnet/transcoder"
)

// A child of this test confines itself and tries what a worker must not be able to do.
func TestMain(m *testing.M) {
	if os.Getenv("CASTNET_TEST_CONFINED") == "" {
		os.Exit(m.Run())
	}
	if err := confine(transcoder.Device{}); err != nil {
		fmt.Println(err)
	}
	for what, try := range forbiddenDeeds() {
		if err := try(); err == nil {
			fmt.Println("it can", what)
		}
	}
	started := make(chan struct{})
	go func() { // threads can still be made: libav does
		runtime.LockOSThread()
		close(started)
	}()
	<-started
	os.Exit(0)
}

// forbiddenDeeds do no harm where they succeed.
func forbiddenDeeds() map[string]func() error {
	return map[string]func() error{
		"read a file":       func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"list a folder":     func() error { _, err := os.ReadDir("/"); return err },
		"write a file":      func() error { return os.WriteFile(os.DevNull, []byte("x"), 0o600) },
		"remove a file":     func() error { return denied(os.Remove("/nowhere/to/be/found")) },
		"start a program":   func() error { return exec.Command("/bin/true").Run() },
		"connect":           func() error { _, err := net.Dial("tcp", "127.0.0.1:9"); return denied(err) },
		"listen":            func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
		"make a socket":     func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
		"signal its parent": func() error { return syscall.Kill(os.Getppid(), 0) },
		"read its parent":   func() error { _, err := unix.ProcessVMReadv(os.Getppid(), nil, nil, 0); return denied(err) },
		"leave a namespace": func() error { return unix.Unshare(unix.CLONE_NEWUTS) },
		"change its user":   func() error { return unix.Setuid(os.Getuid()) },
	}
}

// denied tells a refusal to try from a try that failed.
func denied(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return err
	}
	return nil
}

func TestConfined(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "CASTNET_TEST_CONFINED=1")
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, strings.TrimSpace(string(out)))
	}
}
