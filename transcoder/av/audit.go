package av

import (
	"context"
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av/frame"
)

// maxAlone is how many pictures may wait for their counterparts.
const maxAlone = 64

// audit looks at a rendition beside its source, picture by picture: both decoded, and made thumbnails of. The source's fault ends it with
// BadInput; of a rendition that cannot be decoded, pictures are missing and no more is said.
type audit struct {
	source, rendition *eye
	over              bool // the source failed: what follows is not looked at
}

// eye looks at one of the two streams.
type eye struct {
	dec           *frame.Decoder
	smaller       frame.Scaler // to less than a thumbnail, where the rendition is small
	thumbs        frame.Scaler
	small, thumb  *astiav.Frame
	ignored       map[int64]struct{} // pictures that are only decoded, by PTS
	alone         map[int64][]byte   // thumbnails of pictures whose counterparts have not come, by PTS
	order         []int64            // of the pictures that were kept, as they came
	last          int64              // PTS of the last unit
	pictures      int
	begun, broken bool
}

func newAudit(job *transcoder.AuditJob) (*audit, error) {
	if job.Source == nil || job.Rendition == nil || !job.Source.Codec.IsVideo() || !job.Rendition.Codec.IsVideo() {
		return nil, errors.New("an audit compares two tracks of video")
	}
	width, height := job.Rendition.Width, job.Rendition.Height
	if min(width, height) < 2 || max(width, height) > media.MaxDimension {
		return nil, fmt.Errorf("audit of pictures of %dx%d", width, height)
	}
	source, err := newEye(job.Source, width, height)
	if err != nil {
		return nil, err
	}
	rendition, err := newEye(job.Rendition, width, height)
	if err != nil {
		source.free()
		return nil, err
	}
	return &audit{source: source, rendition: rendition}, nil
}

// newEye is told the rendition's size: no detail is looked at that is finer than two of its samples, which coders keep
// little of.
func newEye(t *media.Track, width, height int) (*eye, error) {
	dec, err := frame.OpenDecoder(t, [2]int{width, height}, nil)
	if err != nil {
		return nil, fmt.Errorf("audit of %v: %w", t.Codec, err)
	}
	return &eye{
		dec: dec, small: astiav.AllocFrame(), thumb: astiav.AllocFrame(), alone: make(map[int64][]byte), ignored: make(map[int64]struct{}),
		smaller: grey(min((width+1)/2, transcoder.ThumbWidth), min((height+1)/2, transcoder.ThumbHeight)),
		thumbs:  grey(transcoder.ThumbWidth, transcoder.ThumbHeight),
	}, nil
}

// grey makes luma of the full range, of which each sample is a mean.
func grey(width, height int) frame.Scaler {
	return frame.Scaler{To: frame.Shape{Width: width, Height: height, Format: astiav.PixelFormatGray8, Full: true}, Mean: true}
}

func (e *eye) free() {
	e.dec.Free()
	e.smaller.Free()
	e.thumbs.Free()
	e.small.Free()
	e.thumb.Free()
}

func (a *audit) run(ctx context.Context, in <-chan transcoder.Input, emit emitFunc) error {
	defer a.source.free()
	defer a.rendition.free()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case i := <-in:
			if err := a.input(ctx, i, emit); err != nil {
				return err
			}
		}
	}
}

func (a *audit) input(ctx context.Context, in transcoder.Input, emit emitFunc) error {
	if a.over {
		return nil
	}
	show := func(e *eye) func(*astiav.Frame) error {
		return func(f *astiav.Frame) error { return a.picture(ctx, e, f, emit) }
	}
	switch in := in.(type) {
	case transcoder.WriteUnit:
		if in.Prefix {
			a.source.ignore(in.Unit.PTS)
		}
		return a.blame(ctx, a.source.decode(in.Unit, show(a.source)), in.Unit.PTS, emit)
	case transcoder.WriteRendition:
		return a.rendition.forgive(a.rendition.decode(in.Unit, show(a.rendition)))
	case transcoder.EndSegment:
		if err := a.source.drain(show(a.source)); err != nil {
			return a.blame(ctx, err, a.source.last, emit)
		}
		if err := a.rendition.forgive(a.rendition.drain(show(a.rendition))); err != nil {
			return err
		}
		return emit(ctx, transcoder.SegmentDone{
			Seq: in.Seq, Attempt: in.Attempt, Width: a.source.dec.Width, Height: a.source.dec.Height, Frames: a.source.pictures,
		})
	}
	return &transcoder.InputError{Reason: fmt.Sprintf("unexpected %T in an audit", in)}
}

// blame tells the source's fault, which ends the audit.
func (a *audit) blame(ctx context.Context, err error, pts int64, emit emitFunc) error {
	if bad, ok := errors.AsType[*frame.DecodeError](err); ok {
		a.over = true
		return emit(ctx, transcoder.BadInput{PTS: pts, Reason: bad.Error()})
	}
	return err
}

// picture compares a picture with its counterpart, or keeps it until that comes.
func (a *audit) picture(ctx context.Context, e *eye, f *astiav.Frame, emit emitFunc) error {
	s, err := e.see(f)
	if err != nil || s == nil {
		return err
	}
	other := a.source
	if e == a.source {
		other = a.rendition
	}
	o, ok := other.alone[f.Pts()]
	if !ok {
		e.keep(f.Pts(), s)
		return nil
	}
	delete(other.alone, f.Pts())
	source, rendition := s, o
	if e == a.rendition {
		source, rendition = o, s
	}
	return emit(ctx, transcoder.Compared{PTS: f.Pts(), Source: source, Rendition: rendition})
}

// decode takes one unit; those before the first key are left out.
func (e *eye) decode(u *media.Unit, show func(*astiav.Frame) error) error {
	if len(u.Payload) == 0 || len(u.Payload) > media.MaxUnitBytes {
		return &transcoder.InputError{Reason: fmt.Sprintf("unit of %d bytes in an audit: allowed are 1 to %d", len(u.Payload), media.MaxUnitBytes)}
	}
	if e.broken || (!e.begun && !u.Key) {
		return nil
	}
	if nalUnits(e.dec.Track.Codec, u.Payload) > maxNALs {
		return frame.Undecodable(fmt.Errorf("more than %d NAL units in a unit", maxNALs))
	}
	e.begun, e.last = true, u.PTS
	return e.dec.Decode(u, show)
}

func (e *eye) drain(show func(*astiav.Frame) error) error {
	if e.broken || !e.begun {
		return nil
	}
	return e.dec.Drain(show)
}

// forgive takes note of what cannot be decoded.
func (e *eye) forgive(err error) error {
	if _, bad := errors.AsType[*frame.DecodeError](err); bad {
		e.broken = true
		return nil
	}
	return err
}

// ignore says that a picture is only decoded.
func (e *eye) ignore(pts int64) { e.ignored[pts] = struct{}{} }

// see makes a thumbnail of a picture. It returns nil for one that is ignored.
func (e *eye) see(f *astiav.Frame) ([]byte, error) {
	if _, ok := e.ignored[f.Pts()]; ok {
		delete(e.ignored, f.Pts())
		return nil, nil //nolint:nilnil // nothing to see is no error
	}
	e.pictures++
	if err := e.smaller.Scale(f, e.small); err != nil {
		return nil, frame.Undecodable(err)
	}
	if e.thumbs.Fits(e.small) {
		return e.small.Data().Bytes(1)
	}
	if err := e.thumbs.Scale(e.small, e.thumb); err != nil {
		return nil, err
	}
	return e.thumb.Data().Bytes(1)
}

func (e *eye) keep(pts int64, s []byte) {
	e.alone[pts] = s
	e.order = append(e.order, pts)
	for len(e.order) > maxAlone {
		delete(e.alone, e.order[0])
		e.order = e.order[1:]
	}
}
