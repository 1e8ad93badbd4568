package av

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av/frame"
)

// rungQueue is how many scaled pictures may wait for a rendition's encoder before the pipeline waits for it.
const rungQueue = 4

// job is one picture to encode, or, without a frame, the end of a segment.
type job struct {
	seg      *segment
	frame    *astiav.Frame // its type says whether it becomes an IDR
	borrowed bool          // the frame refers to the decoder's picture, not to a buffer of the rung's own
	format   format
}

// rung is one rendition: its scaler, which the front goroutine uses, and its encoder, which its own goroutine uses.
type rung struct {
	index   int
	profile transcoder.Profile
	device  *frame.Device
	scaler  frame.Scaler
	card    frame.CardScaler
	jobs    chan job
	free    chan *astiav.Frame // frames to use again, with their buffers

	keyWanted bool   // by RequestKey; the front's
	captions  []byte // since the last picture that was rendered; the front's

	enc       *encoder
	busySince atomic.Int64 // start of the running encode in Unix nanoseconds, 0 at rest
	outputPTS atomic.Int64
}

func newRung(index int, p transcoder.Profile, on *frame.Device) *rung {
	return &rung{
		index: index, profile: p, device: on, scaler: frame.VideoScaler(p.Width, p.Height),
		card: frame.CardScaler{Width: p.Width, Height: p.Height, Stay: on.Encodes()},
		jobs: make(chan job, rungQueue), free: make(chan *astiav.Frame, rungQueue+2),
	}
}

// maxCaptions is how much of them one picture may carry: CEA-708 counts 31 triplets.
const maxCaptions = 31 * 3

// hear collects closed captions, so that those of pictures which a divisor leaves out are not lost.
func (r *rung) hear(captions []byte) {
	r.captions = append(r.captions, captions[:min(len(captions), maxCaptions-len(r.captions))]...)
}

// render makes the rung's frame of src. The frame may be read, but no longer written, once it is in a job.
func (r *rung) render(src *astiav.Frame) (f *astiav.Frame, borrowed bool, err error) {
	select {
	case f = <-r.free:
	default:
		f = astiav.AllocFrame() // at most rungQueue+2: in the queue, in the encoder, here
	}
	if src.PixelFormat() == astiav.PixelFormatCuda {
		f.Unref()
		borrowed, err = true, r.card.Scale(src, f)
	} else if borrowed = r.scaler.Fits(src); borrowed {
		f.Unref()
		err = f.Ref(src)
	} else {
		err = r.scaler.Scale(src, f)
	}
	if err == nil {
		err = frame.Dress(f, r.captions)
		r.captions = r.captions[:0]
	}
	if err != nil {
		f.Free()
		return nil, false, err
	}
	return f, borrowed, nil
}

// give takes a frame back, to use its buffer again.
func (r *rung) give(j job) {
	if j.borrowed {
		j.frame.Unref()
	}
	select {
	case r.free <- j.frame:
	default:
		j.frame.Free()
	}
}

// run encodes until jobs is closed or ctx is done.
func (r *rung) run(ctx context.Context, emit emitFunc) error {
	runtime.LockOSThread() // an encoder that stays on its thread stays in its core's caches: 1 % of CPU
	defer runtime.UnlockOSThread()
	for j := range r.jobs {
		if err := r.do(ctx, j, emit); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// close gives everything back, after run and with jobs closed.
func (r *rung) close() {
	for j := range r.jobs {
		if j.frame != nil {
			j.frame.Free()
		}
	}
	close(r.free)
	for f := range r.free {
		f.Free()
	}
	if r.enc != nil {
		r.enc.free()
	}
	r.scaler.Free()
	r.card.Free()
}

func (r *rung) do(ctx context.Context, j job, emit emitFunc) error {
	if j.frame == nil {
		return j.seg.rungDone(ctx, emit)
	}
	unit, err := r.encode(j)
	r.give(j)
	if err != nil || unit == nil {
		return err
	}
	r.outputPTS.Store(unit.PTS)
	return emit(ctx, transcoder.Rendered{Seq: j.seg.Seq, Attempt: j.seg.Attempt, Rendition: r.index, Unit: unit})
}

// encode returns no unit for a segment that was cancelled or failed since.
func (r *rung) encode(j job) (*media.Unit, error) {
	if j.seg.dropped.Load() {
		return nil, nil //nolint:nilnil // nothing to publish is no error
	}
	r.busySince.Store(time.Now().UnixNano())
	defer r.busySince.Store(0)
	if err := r.prepare(j); err != nil {
		return nil, fmt.Errorf("open the %v encoder of rendition %s: %w", r.profile.Codec, r.profile.Name, err)
	}
	return r.enc.encode(j.frame)
}

// prepare opens the encoder, anew where the source's format changed: headers can only change at an IDR.
func (r *rung) prepare(j job) error {
	if r.enc != nil && (r.enc.format == j.format || !isIDR(j.frame)) {
		return nil
	}
	enc, err := openEncoder(r.profile, j.format, r.device, j.frame)
	if err != nil {
		return err
	}
	if r.enc != nil {
		r.enc.free()
	}
	r.enc = enc
	return nil
}
