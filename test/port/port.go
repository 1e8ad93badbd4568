// Package port finds ports for tests that close one and open it again, or have another program open it: nobody gets it between.
package port

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Below what the kernel gives to clients (from 32768 on), and above what package testnet takes.
const first, pairs = 31_000, 850

// Free is an address of this machine, host:port, that nobody has, by TCP or UDP. The port after it stays taken until the test ends,
// which keeps those who ask here too off both.
func Free(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		port := first + 2*rand.IntN(pairs)               //nolint:gosec // no secret
		guard, err := net.Listen("tcp", address(port+1)) //nolint:noctx // it does not wait
		if err != nil {
			continue
		}
		if !known(port) {
			tb.Cleanup(func() { _ = guard.Close() })
			return address(port)
		}
		_ = guard.Close()
	}
	tb.Fatal("no free port")
	return ""
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// known reports whether any socket is or was a moment ago at a port. To open it for that would make Again necessary.
func known(port int) bool {
	for _, list := range []string{"tcp", "tcp6", "udp", "udp6"} {
		sockets, err := os.ReadFile("/proc/net/" + list) //nolint:gosec // the kernel's
		if err == nil && strings.Contains(string(sockets), fmt.Sprintf(":%04X ", port)) {
			return true
		}
	}
	return false
}

// Again opens what this process may have had open a moment ago, until that is not refused any more: a program that another test
// is starting has all that is open here, for as long as it has not begun.
func Again[T any](tb testing.TB, open func() (T, error)) T {
	tb.Helper()
	for end := time.Now().Add(time.Minute); ; {
		opened, err := open()
		if err == nil {
			return opened
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(end) {
			tb.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// Listen listens on an address of Free's, for the first time or again.
func Listen(tb testing.TB, address string) net.Listener {
	tb.Helper()
	return Again(tb, func() (net.Listener, error) { return net.Listen("tcp", address) }) //nolint:noctx // it does not wait
}
