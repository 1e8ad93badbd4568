package av

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/asticode/go-astiav"
	"golang.org/x/sync/errgroup"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av/frame"
)

const (
	progressEvery = 80 * time.Millisecond // pools want it every 100 ms at least
	// An encode takes milliseconds. One that has run for longer than this hangs, and the session stops saying that it
	// is alive, so that whoever watches it acts.
	stuckAfter = time.Second
	// maxInside is how many units may be in the decoder: H264 and HEVC reorder over at most 16 pictures.
	maxInside = 32
	// maxUnits bounds a segment: 12 s (the longest that the broadcaster keeps) at 240 pictures a second, and prefixes.
	maxUnits = 6000
	// maxNALs bounds what a unit costs to decode: each slice is some microseconds, however short. HEVC allows 600 of them
	// (H.265 table A.8); encoders that fit slices into packets of a kilobyte make as many as media.MaxUnitBytes has of those.
	maxNALs = media.MaxUnitBytes >> 10
)

// pipeline is a video session: the front goroutine decodes and scales, one goroutine a rung encodes.
type pipeline struct {
	ladder transcoder.Ladder
	device *frame.Device
	rungs  []*rung
	emit   emitFunc

	dec     *frame.Decoder // nil until a key unit of a segment comes, and after a fault
	atKey   bool           // the decoder has nothing to refer to: the next unit must be a key
	open    *segment       // between StartSegment and EndSegment
	active  []*segment
	inside  awaitedList
	decoded int64 // PTS of the last picture out of the decoder
	begun   bool  // a segment has started

	declared float64 // pictures a second by the last track
	fps      float64 // pictures a second that rate control goes by: declared, until what is seen is far from it
}

func newPipeline(l transcoder.Ladder, on *frame.Device) (*pipeline, error) {
	p := &pipeline{ladder: l, device: on}
	for i, profile := range l {
		if _, err := recipeOf(profile.Codec, on); err != nil {
			return nil, fmt.Errorf("rung %s: %w", profile.Name, err)
		}
		p.rungs = append(p.rungs, newRung(i, profile, on))
	}
	return p, nil
}

// run owns the session's goroutines.
func (p *pipeline) run(ctx context.Context, in <-chan transcoder.Input, emit emitFunc) error {
	p.emit = emit
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range p.rungs {
		group.Go(func() error { return r.run(ctx, emit) })
	}
	group.Go(func() error { return p.front(ctx, in) })
	err := group.Wait()
	p.closeDecoder()
	for _, r := range p.rungs {
		r.close()
	}
	p.device.Free()
	return err
}

func (p *pipeline) closeDecoder() {
	if p.dec != nil {
		p.dec.Free()
		p.dec = nil
	}
	p.inside = p.inside[:0]
}

func (p *pipeline) front(ctx context.Context, in <-chan transcoder.Input) error {
	defer func() {
		for _, r := range p.rungs {
			close(r.jobs)
		}
	}()
	runtime.LockOSThread() // as the rungs do
	defer runtime.UnlockOSThread()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case i := <-in:
			err = p.input(ctx, i)
		case now := <-tick.C:
			err = p.progress(ctx, now)
		}
		if err != nil {
			return err
		}
	}
}

func (p *pipeline) input(ctx context.Context, in transcoder.Input) error {
	switch in := in.(type) {
	case transcoder.StartSegment:
		return p.start(ctx, in)
	case transcoder.WriteUnit:
		return p.write(ctx, in)
	case transcoder.EndSegment:
		return p.end(ctx, in)
	case transcoder.CancelSegment:
		return p.cancel(ctx, in)
	case transcoder.RequestKey:
		if in.Rendition < 0 || in.Rendition >= len(p.rungs) {
			return &transcoder.InputError{Reason: fmt.Sprintf("key asked of rendition %d: the ladder has %d", in.Rendition, len(p.rungs))}
		}
		p.rungs[in.Rendition].keyWanted = true
		return nil
	}
	return &transcoder.InputError{Reason: fmt.Sprintf("unexpected %T", in)}
}

func (p *pipeline) start(ctx context.Context, s transcoder.StartSegment) error {
	switch {
	case p.open != nil:
		return &transcoder.InputError{Reason: fmt.Sprintf("segment %d started while %d is open", s.Seq, p.open.Seq)}
	case s.Track == nil || !s.Track.Codec.IsVideo():
		return &transcoder.InputError{Reason: fmt.Sprintf("segment %d without a video track", s.Seq)}
	case s.ResumeAfter != nil && len(s.ResumeAfter) != len(p.rungs):
		return &transcoder.InputError{Reason: fmt.Sprintf("segment %d resumes %d renditions of %d", s.Seq, len(s.ResumeAfter), len(p.rungs))}
	}
	if p.dec != nil && (s.Fresh || !p.dec.Same(s.Track)) {
		if err := p.drain(ctx); err != nil {
			return err
		}
	}
	if p.dec != nil && !p.dec.Same(s.Track) {
		p.closeDecoder()
	}
	if !p.begun || p.declared != s.Track.FrameRate {
		p.declared, p.fps = s.Track.FrameRate, s.Track.FrameRate
		if p.fps <= 0 || p.fps > maxFPS {
			p.fps = defaultFPS
		}
	}
	if !p.begun {
		p.begun = true
		p.decoded = s.FirstPTS - 1
		for _, r := range p.rungs {
			r.outputPTS.Store(s.FirstPTS - 1)
		}
	}
	p.open = newSegment(s, len(p.rungs))
	p.active = append(p.active, p.open)
	if p.dec != nil {
		p.dec.Track = s.Track
		return nil
	}
	dec, err := frame.OpenDecoder(s.Track, p.within(), p.device)
	if err != nil {
		return p.fail(ctx, s.FirstPTS, err.Error())
	}
	p.dec, p.atKey = dec, true
	return nil
}

func (p *pipeline) write(ctx context.Context, w transcoder.WriteUnit) error {
	seg, u := p.open, w.Unit
	switch {
	case seg == nil:
		return &transcoder.InputError{Reason: fmt.Sprintf("unit %d outside a segment", u.PTS)}
	case seg.dropped.Load():
		return nil // the rest of a segment that failed
	case len(u.Payload) == 0 || len(u.Payload) > media.MaxUnitBytes:
		return p.fail(ctx, u.PTS, fmt.Sprintf("unit of %d bytes: allowed are 1 to %d", len(u.Payload), media.MaxUnitBytes))
	case w.Prefix != (u.PTS < seg.FirstPTS):
		return p.fail(ctx, u.PTS, fmt.Sprintf("unit on the wrong side of the segment's first PTS, %d", seg.FirstPTS))
	case nalUnits(seg.Track.Codec, u.Payload) > maxNALs:
		return p.fail(ctx, u.PTS, fmt.Sprintf("more than %d NAL units in a unit", maxNALs))
	case seg.units == maxUnits:
		return p.fail(ctx, u.PTS, fmt.Sprintf("more than %d units in a segment", maxUnits))
	case p.atKey && !u.Key:
		return p.fail(ctx, u.PTS, "decoding cannot begin at a unit that is no key")
	case len(p.inside) == maxInside:
		return p.fail(ctx, p.inside[0].pts, fmt.Sprintf("no picture came of it after %d more units", maxInside))
	case !p.inside.add(awaited{pts: u.PTS, seg: seg, prefix: w.Prefix}):
		return p.fail(ctx, u.PTS, "two units with the same PTS")
	}
	p.atKey = false
	seg.units++
	seg.inside++
	return p.judge(ctx, u.PTS, p.dec.Decode(u, func(f *astiav.Frame) error { return p.picture(ctx, f) }))
}

func (p *pipeline) end(ctx context.Context, e transcoder.EndSegment) error {
	seg := p.open
	if seg == nil || seg.Seq != e.Seq || seg.Attempt != e.Attempt {
		return &transcoder.InputError{Reason: fmt.Sprintf("end of segment %d, attempt %d, which is not open", e.Seq, e.Attempt)}
	}
	p.open = nil
	if seg.dropped.Load() {
		return nil
	}
	seg.ended = true
	if e.Drain {
		return p.drain(ctx)
	}
	return p.complete(ctx)
}

// cancel abandons a segment. The decoder goes on where the segment had ended; where it was open, the next one begins
// at a key.
func (p *pipeline) cancel(ctx context.Context, c transcoder.CancelSegment) error {
	for _, seg := range p.active {
		if seg.Seq == c.Seq && seg.Attempt == c.Attempt {
			seg.dropped.Store(true)
			break
		}
	}
	if p.open != nil && p.open.Seq == c.Seq && p.open.Attempt == c.Attempt {
		p.open.ended = true
		p.open = nil
		return p.drain(ctx)
	}
	return nil
}

// drain takes out what the decoder holds, without waiting for more input.
func (p *pipeline) drain(ctx context.Context) error {
	if p.dec == nil {
		return p.complete(ctx)
	}
	if !p.atKey {
		err := p.dec.Drain(func(f *astiav.Frame) error { return p.picture(ctx, f) })
		p.atKey = true
		if err == nil && len(p.inside) > 0 {
			return p.fail(ctx, p.inside[0].pts, "no picture came of it")
		}
		if err != nil {
			return p.judge(ctx, p.decoded, err)
		}
	}
	return p.complete(ctx)
}

// judge tells the stream's faults, which cost a segment, from the session's own, which end it.
func (p *pipeline) judge(ctx context.Context, pts int64, err error) error {
	if bad, ok := errors.AsType[*frame.DecodeError](err); ok {
		return p.fail(ctx, pts, bad.Error())
	}
	if err != nil {
		return err
	}
	return p.complete(ctx)
}

// picture takes one frame out of the decoder.
func (p *pipeline) picture(ctx context.Context, f *astiav.Frame) error {
	if len(p.inside) == 0 || p.inside[0].pts != f.Pts() {
		return frame.Undecodable(p.disorder(f.Pts()))
	}
	a := p.inside[0]
	p.inside = p.inside[:copy(p.inside, p.inside[1:])]
	seg := a.seg
	seg.inside--
	p.decoded = a.pts
	if a.prefix {
		seg.prefixes++
		return nil
	}
	n := seg.pictures
	seg.pictures++
	seg.width, seg.height = p.dec.Width, p.dec.Height
	if n == 0 {
		seg.firstPTS = a.pts
	}
	seg.lastPTS = a.pts
	if seg.dropped.Load() {
		return nil
	}
	return p.render(ctx, seg, n, f)
}

func (p *pipeline) disorder(pts int64) error {
	if len(p.inside) > 0 && p.inside[0].pts < pts {
		return fmt.Errorf("no picture came of unit %d", p.inside[0].pts)
	}
	return fmt.Errorf("picture %d came out of order: is the reorder depth (%d) right?", pts, p.dec.Track.Reorder)
}

// within is the smallest size that holds every rung.
func (p *pipeline) within() [2]int {
	var size [2]int
	for _, r := range p.rungs {
		size[0], size[1] = max(size[0], r.profile.Width), max(size[1], r.profile.Height)
	}
	return size
}

// render makes a picture's frames, each from the smallest above it, and hands them to the encoders.
func (p *pipeline) render(ctx context.Context, seg *segment, n int, decoded *astiav.Frame) error {
	look := frame.Inspect(decoded)
	src := decoded
	for i, r := range p.rungs {
		r.hear(look.Captions)
		if !seg.wants(i, r.profile, decoded.Pts(), n) {
			continue
		}
		if src.Width() < r.profile.Width || src.Height() < r.profile.Height {
			src = decoded
		}
		f, borrowed, err := r.render(src)
		if err != nil {
			return err
		}
		setIDR(f, !seg.started[i] || r.keyWanted)
		seg.started[i], r.keyWanted = true, false
		j := job{seg: seg, frame: f, borrowed: borrowed, format: format{
			fps: p.fps / float64(r.profile.Divisor), sar: sampleAspect(decoded, r.profile),
			colours: look.Colours, rotation: look.Rotation, pixels: f.PixelFormat(),
		}}
		select {
		case r.jobs <- j:
		case <-ctx.Done():
			f.Free()
			return ctx.Err()
		}
		if !borrowed { // a card scales from the source each time: that costs it next to nothing
			src = f // read only, here and in the encoder, until the next picture
		}
	}
	return nil
}

// complete finishes the segments at the head of the line of which everything has come out of the decoder.
func (p *pipeline) complete(ctx context.Context) error {
	for len(p.active) > 0 && p.active[0].ended && p.active[0].inside == 0 {
		seg := p.active[0]
		p.active = p.active[:copy(p.active, p.active[1:])]
		if fps := seg.rate(); fps > 0 && math.Abs(fps/p.fps-1) > 0.1 {
			p.fps = fps // the encoders follow at their next IDR
		}
		if !seg.dropped.Load() {
			seg.last = transcoder.SegmentDone{
				Seq: seg.Seq, Attempt: seg.Attempt, Width: seg.width, Height: seg.height,
				Frames: seg.pictures, PrefixFrames: seg.prefixes,
			}
		}
		if err := p.finish(ctx, seg); err != nil {
			return err
		}
	}
	return nil
}

// fail ends every segment on its way with BadInput: they share the decoder. The next one begins at a key.
func (p *pipeline) fail(ctx context.Context, pts int64, reason string) error {
	p.closeDecoder()
	failed := p.active
	p.active = nil
	for _, seg := range failed {
		if !seg.dropped.Swap(true) {
			seg.last = transcoder.BadInput{Seq: seg.Seq, Attempt: seg.Attempt, PTS: pts, Reason: reason}
		}
		if err := p.finish(ctx, seg); err != nil {
			return err
		}
	}
	return nil
}

// finish sends the segment's end through every rung, behind its last picture.
func (p *pipeline) finish(ctx context.Context, seg *segment) error {
	for _, r := range p.rungs {
		select {
		case r.jobs <- job{seg: seg}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// progress says how far the session is, unless an encoder hangs.
func (p *pipeline) progress(ctx context.Context, now time.Time) error {
	if len(p.active) == 0 {
		return nil
	}
	seg := p.active[len(p.active)-1]
	out := make([]int64, len(p.rungs))
	for i, r := range p.rungs {
		if since := r.busySince.Load(); since > 0 && now.UnixNano()-since > int64(stuckAfter) {
			return nil
		}
		out[i] = r.outputPTS.Load()
	}
	return p.emit(ctx, transcoder.Progress{Seq: seg.Seq, Attempt: seg.Attempt, DecodedPTS: p.decoded, OutputPTS: out})
}

// sampleAspect keeps the picture's proportions where scaling changes them by more than rounding to even sizes does.
func sampleAspect(f *astiav.Frame, to transcoder.Profile) [2]int {
	sar := f.SampleAspectRatio()
	num, den := int64(max(sar.Num(), 1)), int64(max(sar.Den(), 1))
	if sar.Num() <= 0 || sar.Den() <= 0 {
		num, den = 1, 1
	}
	num *= int64(f.Width()) * int64(to.Height)
	den *= int64(f.Height()) * int64(to.Width)
	if ratio := float64(num) / float64(den); ratio > 0.98 && ratio < 1.02 {
		return [2]int{}
	}
	for a, b := num, den; ; { // reduce; H.264 has 16 bits for each
		if b == 0 {
			num, den = num/a, den/a
			break
		}
		a, b = b, a%b
	}
	for num > 0xffff || den > 0xffff {
		num, den = num/2, den/2
	}
	return [2]int{int(max(num, 1)), int(max(den, 1))}
}
