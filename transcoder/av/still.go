package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av/frame"
)

// still makes a JPEG of each key unit.
type still struct {
	job    *transcoder.StillJob
	dec    *frame.Decoder
	scaler frame.Scaler
	frame  *astiav.Frame
	image  image.YCbCr
}

// stillQuality is image/jpeg's: thumbnails of 320x180 take about 10 KiB.
const stillQuality = 75

func newStill(job *transcoder.StillJob) (*still, error) {
	if job.From == nil || !job.From.Codec.IsVideo() {
		return nil, errors.New("a still is made of a video track")
	}
	dec, err := frame.OpenDecoder(job.From, [2]int{job.Width, job.Height}, nil)
	if err != nil {
		return nil, fmt.Errorf("stills of %v: %w", job.From.Codec, err)
	}
	return &still{
		job: job, dec: dec, frame: astiav.AllocFrame(),
		scaler: frame.Scaler{To: frame.Shape{Width: job.Width, Height: job.Height, Format: astiav.PixelFormatYuvj420P, Full: true}}, // JPEG knows no other range
	}, nil
}

func (s *still) free() {
	s.dec.Free()
	s.scaler.Free()
	s.frame.Free()
}

func (s *still) run(ctx context.Context, in <-chan transcoder.Input, emit emitFunc) error {
	defer s.free()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case i := <-in:
			w, ok := i.(transcoder.WriteUnit)
			if !ok || len(w.Unit.Payload) == 0 || len(w.Unit.Payload) > media.MaxUnitBytes {
				return &transcoder.InputError{Reason: fmt.Sprintf("%T in a still job: only units with a payload", i)}
			}
			out, err := s.picture(w.Unit)
			if bad, ok := errors.AsType[*frame.DecodeError](err); ok {
				out, err = transcoder.BadInput{PTS: w.Unit.PTS, Reason: bad.Error()}, nil
			}
			if err == nil {
				err = emit(ctx, out)
			}
			if err != nil {
				return err
			}
		}
	}
}

// picture decodes one unit on its own.
func (s *still) picture(u *media.Unit) (transcoder.Output, error) {
	var out bytes.Buffer
	take := func(f *astiav.Frame) error {
		if err := s.scaler.Scale(f, s.frame); err != nil {
			return frame.Undecodable(err)
		}
		if err := s.frame.Data().ToImage(&s.image); err != nil {
			return err
		}
		out.Reset()
		return jpeg.Encode(&out, &s.image, &jpeg.Options{Quality: stillQuality})
	}
	if nalUnits(s.job.From.Codec, u.Payload) > maxNALs {
		return nil, frame.Undecodable(fmt.Errorf("more than %d NAL units in a unit", maxNALs))
	}
	if err := s.dec.Decode(u, take); err != nil {
		return nil, err
	}
	if err := s.dec.Drain(take); err != nil {
		return nil, err
	}
	if out.Len() == 0 {
		return nil, frame.Undecodable(errors.New("no picture came of it"))
	}
	return transcoder.Rendered{Unit: &media.Unit{PTS: u.PTS, DTS: u.PTS, Key: true, Payload: out.Bytes()}}, nil
}
