package frame

/*
#cgo pkg-config: libavutil
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <libavutil/log.h>

// What libav logs while a thread listens, bounded. On all other threads, and at all other times, it stays quiet.
static _Thread_local char castnet_heard[512];
static _Thread_local int castnet_listens;

static void castnet_hear(void *ctx, int level, const char *format, va_list args) {
	size_t n = strlen(castnet_heard);
	if (!castnet_listens || level > AV_LOG_WARNING || n + 1 >= sizeof(castnet_heard))
		return;
	vsnprintf(castnet_heard + n, sizeof(castnet_heard) - n, format, args);
}

static void castnet_listen(void) {
	castnet_heard[0] = 0;
	castnet_listens = 1;
	av_log_set_callback(castnet_hear);
}

static const char *castnet_listened(void) {
	castnet_listens = 0;
	return castnet_heard;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"

	"github.com/asticode/go-astiav"

	"castnet/transcoder"
)

// Listen calls do and returns what libav logged meanwhile on this thread: a driver's own words, which its error numbers
// leave out.
func Listen(do func() error) (said string, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.castnet_listen()
	err = do()
	said = strings.ToValidUTF8(C.GoString(C.castnet_listened()), "?")
	return strings.Join(strings.FieldsFunc(said, func(r rune) bool { return r == '\n' }), "; "), err
}

// errCard is a fault of the card or its driver, not of a stream.
var errCard = errors.New("the card failed")

// ofCard tells a card's own failure from what a stream has caused. On a card, libav's decoders have no other use for
// these errors than that the driver refused something, and that AV1, which is decoded there or nowhere, was not taken.
func ofCard(err error) error {
	bad, ok := errors.AsType[*DecodeError](err)
	if ok && (errors.Is(bad.err, astiav.ErrExternal) || errors.Is(bad.err, astiav.Error(-int(syscall.ENOSYS)))) {
		return fmt.Errorf("%w: %w", errCard, bad.err)
	}
	return err
}

// noDevice explains why a card cannot be used at all.
func noDevice(index int, said string, err error) error {
	hint := "is there an NVIDIA card, with its driver?"
	if strings.Contains(said, "Cannot load libcuda") {
		hint = "no NVIDIA driver is installed here"
	}
	return fmt.Errorf("%w: no CUDA device %d: %s: %w (%s)", transcoder.ErrDevice, index, hint, err, said)
}
