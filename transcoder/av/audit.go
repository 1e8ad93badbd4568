package av

import (
	"context"
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
)

const (
	// viewLines is the height that pictures are compared at: larger ones are made smaller, so that an audit costs little
	// and rungs are judged alike.
	viewLines = 360
	// maxAlone is how many pictures may wait for their counterparts.
	maxAlone = 64
)

// audit compares a rendition with its source, picture by picture. The source's fault ends it with BadInput; of a
// rendition that cannot be decoded, pictures are missing and no more is said.
type audit struct {
	source, rendition *eye
	over              bool // the source failed: what follows is not looked at
}

// eye looks at one of the two streams.
type eye struct {
	dec           *decoder
	view, thumb   scaler
	large, small  *astiav.Frame
	ignored       map[int64]struct{} // pictures that are only decoded, by PTS
	alone         map[int64]*sight   // pictures whose counterparts have not come, by PTS
	order         []int64            // of the pictures that were kept, as they came
	last          int64              // PTS of the last unit
	pictures      int
	begun, broken bool
}

// sight is one picture as it is compared: luma, full range, row by row.
type sight struct{ view, thumb []byte }

func newAudit(job *transcoder.AuditJob) (*audit, error) {
	if job.Source == nil || job.Rendition == nil || !job.Source.Codec.IsVideo() || !job.Rendition.Codec.IsVideo() {
		return nil, errors.New("an audit compares two tracks of video")
	}
	width, height := job.Rendition.Width, job.Rendition.Height
	if height > viewLines {
		width, height = width*viewLines/height, viewLines
	}
	if min(width, height) < 8 || width > media.MaxDimension {
		return nil, fmt.Errorf("audit of pictures of %dx%d", job.Rendition.Width, job.Rendition.Height)
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

func newEye(t *media.Track, width, height int) (*eye, error) {
	dec, err := openDecoder(t, [2]int{width, height}, nil)
	if err != nil {
		return nil, fmt.Errorf("audit of %v: %w", t.Codec, err)
	}
	return &eye{
		dec: dec, large: astiav.AllocFrame(), small: astiav.AllocFrame(), alone: make(map[int64]*sight), ignored: make(map[int64]struct{}),
		view:  scaler{to: picture{width, height, astiav.PixelFormatGray8, true}},
		thumb: scaler{to: picture{transcoder.ThumbWidth, transcoder.ThumbHeight, astiav.PixelFormatGray8, true}},
	}, nil
}

func (e *eye) free() {
	e.dec.free()
	e.view.free()
	e.thumb.free()
	e.large.Free()
	e.small.Free()
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
			Seq: in.Seq, Attempt: in.Attempt, Width: a.source.dec.width, Height: a.source.dec.height, Frames: a.source.pictures,
		})
	}
	return &transcoder.InputError{Reason: fmt.Sprintf("unexpected %T in an audit", in)}
}

// blame tells the source's fault, which ends the audit.
func (a *audit) blame(ctx context.Context, err error, pts int64, emit emitFunc) error {
	if bad, ok := errors.AsType[*decodeError](err); ok {
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
	return emit(ctx, transcoder.Compared{
		PTS: f.Pts(), Likeness: likeness(source.view, rendition.view, e.view.to.width),
		Source: source.thumb, Rendition: rendition.thumb,
	})
}

// decode takes one unit; those before the first key are left out.
func (e *eye) decode(u *media.Unit, show func(*astiav.Frame) error) error {
	if len(u.Payload) == 0 || len(u.Payload) > media.MaxUnitBytes {
		return &transcoder.InputError{Reason: fmt.Sprintf("unit of %d bytes in an audit: allowed are 1 to %d", len(u.Payload), media.MaxUnitBytes)}
	}
	if e.broken || (!e.begun && !u.Key) {
		return nil
	}
	e.begun, e.last = true, u.PTS
	return e.dec.decode(u, show)
}

func (e *eye) drain(show func(*astiav.Frame) error) error {
	if e.broken || !e.begun {
		return nil
	}
	return e.dec.drain(show)
}

// forgive takes note of what cannot be decoded.
func (e *eye) forgive(err error) error {
	if _, bad := errors.AsType[*decodeError](err); bad {
		e.broken = true
		return nil
	}
	return err
}

// ignore says that a picture is only decoded.
func (e *eye) ignore(pts int64) { e.ignored[pts] = struct{}{} }

// see makes a picture comparable. It returns nil for one that is ignored.
func (e *eye) see(f *astiav.Frame) (*sight, error) {
	if _, ok := e.ignored[f.Pts()]; ok {
		delete(e.ignored, f.Pts())
		return nil, nil //nolint:nilnil // nothing to see is no error
	}
	e.pictures++
	if err := e.view.scale(f, e.large); err != nil {
		return nil, undecodable(err)
	}
	if err := e.thumb.scale(e.large, e.small); err != nil {
		return nil, err
	}
	view, err := e.large.Data().Bytes(1)
	if err != nil {
		return nil, err
	}
	thumb, err := e.small.Data().Bytes(1)
	if err != nil {
		return nil, err
	}
	return &sight{view, thumb}, nil
}

func (e *eye) keep(pts int64, s *sight) {
	e.alone[pts] = s
	e.order = append(e.order, pts)
	for len(e.order) > maxAlone {
		delete(e.alone, e.order[0])
		e.order = e.order[1:]
	}
}

// likeness is the mean structural similarity (SSIM: Wang, Bovik, Sheikh and Simoncelli, 2004) over blocks of 8x8, of two
// pictures with the same width.
func likeness(a, b []byte, width int) float64 {
	const side, n = 8, 64
	var sum float64
	blocks := 0
	for y := 0; (y+side)*width <= len(a); y += side {
		for x := 0; x+side <= width; x += side {
			var sa, sb, saa, sbb, sab int
			for row := y * width; row < (y+side)*width; row += width {
				p, q := a[row+x:row+x+side], b[row+x:row+x+side]
				for i, u := range p {
					u, v := int(u), int(q[i])
					sa += u
					sb += v
					saa += u * u
					sbb += v * v
					sab += u * v
				}
			}
			sum += structural(float64(sa)/n, float64(sb)/n, float64(saa)/n, float64(sbb)/n, float64(sab)/n)
			blocks++
		}
	}
	return sum / float64(max(blocks, 1))
}

// structural is the index of one block by its means: of both, of their squares, of their product.
func structural(a, b, aa, bb, ab float64) float64 {
	const c1, c2 = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255)
	return (2*a*b + c1) * (2*(ab-a*b) + c2) / ((a*a + b*b + c1) * (aa - a*a + bb - b*b + c2))
}
