package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"

	"castnet/transcoder"
)

// tie ends this process with its parent.
func tie() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tie to the parent's life: %w", err)
	}
	return nil
}

// confine limits, for good, what a stream that takes over libav could do: no file, no network, no other program, no
// privilege. It is called before the first byte of a stream is read, when everything that libav needs is loaded; on a
// card, its driver still opens its own devices.
func confine(d transcoder.Device) error {
	gpu := d.Backend == transcoder.Nvidia || d.Backend == transcoder.NvidiaDecode
	if err := limit(gpu); err != nil {
		return err
	}
	var readable []landlock.Rule
	if gpu {
		program, err := os.Executable()
		if err != nil {
			return err
		}
		readable = []landlock.Rule{
			// A bundle has libraries beside the program.
			landlock.RODirs("/proc", "/sys", "/usr", "/lib", "/lib64", "/etc", filepath.Dir(program)).IgnoreIfMissing(),
			landlock.RWDirs("/dev").WithIoctlDev().IgnoreIfMissing(),
		}
	}
	// Kernels before 5.13 know nothing of Landlock, later ones more and more: each does what it can.
	if err := landlock.V5.BestEffort().Restrict(readable...); err != nil {
		return fmt.Errorf("give up the file system (landlock): %w", err)
	}
	err := seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true, Flag: seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: forbidden(gpu)},
	})
	if err != nil {
		return fmt.Errorf("give up system calls (seccomp): %w", err)
	}
	return nil
}

func limit(gpu bool) error {
	memory, files := uint64(3<<30), uint64(64) // a 4096x4096 source with 16 reference pictures takes 0.5 GiB
	if gpu {
		memory, files = 16<<30, 1024 // drivers map what cards hold
	}
	for _, l := range []struct {
		resource int
		limit    uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_FSIZE, 0}, // writes no file
		{unix.RLIMIT_NOFILE, files},
		{unix.RLIMIT_DATA, memory},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			return fmt.Errorf("set limit %d to %d: %w", l.resource, l.limit, err)
		}
	}
	return nil
}

// forbidden is the system calls that fail with EPERM.
func forbidden(gpu bool) []seccomp.SyscallGroup {
	names := []string{
		// The network, and any other socket than the one that is open.
		"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
		// Other programs and processes.
		"fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise",
		"kill", "tkill", "rt_sigqueueinfo", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "setpgid", "setsid",
		// Privileges and the machine.
		"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
		"mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "open_by_handle_at", "name_to_handle_at",
		"move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree",
		"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
		"keyctl", "add_key", "request_key", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
		"reboot", "swapon", "swapoff", "quotactl", "acct", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime",
		"sethostname", "setdomainname", "syslog", "vhangup", "personality",
		// Names in the file system.
		"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir",
		"mkdir", "mkdirat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat",
		"truncate", "setxattr", "lsetxattr", "fsetxattr",
	}
	if !gpu {
		names = append(names, "open", "openat", "openat2", "creat", "ioctl", "memfd_create")
	}
	groups := []seccomp.SyscallGroup{
		{Action: seccomp.ActionErrno, Names: known(names)},
		// A new process is a clone that is no thread. Of clone3 a filter cannot see the flags, and libc does without it.
		{Action: seccomp.ActionErrno, NamesWithCondtions: []seccomp.NameWithConditions{{
			Name:       "clone",
			Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsNotSet, Value: unix.CLONE_THREAD}},
		}}},
	}
	if clone3 := known([]string{"clone3"}); len(clone3) > 0 {
		groups = append(groups, seccomp.SyscallGroup{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: clone3})
	}
	return groups
}

// known leaves out what this architecture has not got: newer ones have no open, fork or rename.
func known(names []string) []string {
	info, err := arch.GetInfo("")
	if err != nil {
		return names // LoadFilter says the same
	}
	return slices.DeleteFunc(names, func(name string) bool {
		_, ok := info.SyscallNames[name]
		return !ok
	})
}
