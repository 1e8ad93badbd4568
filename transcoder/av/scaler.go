package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// scaler makes frames of one size, 8-bit 4:2:0 in limited range, of whatever it is given.
type scaler struct {
	width, height int
	ctx           *astiav.SoftwareScaleContext
	from          picture
}

// picture is the shape of a frame.
type picture struct {
	width, height int
	format        astiav.PixelFormat
}

func shape(f *astiav.Frame) picture { return picture{f.Width(), f.Height(), f.PixelFormat()} }

// fits reports whether src needs no scaling.
func (s *scaler) fits(src *astiav.Frame) bool {
	return shape(src) == picture{s.width, s.height, astiav.PixelFormatYuv420P} && src.ColorRange() != astiav.ColorRangeJpeg
}

// scale fills dst with src. dst's buffer is used again where nobody else holds it.
func (s *scaler) scale(src, dst *astiav.Frame) error {
	if from := shape(src); s.ctx == nil || from != s.from {
		s.free()
		// Bicubic is the ffmpeg command line's default too.
		ctx, err := astiav.CreateSoftwareScaleContext(from.width, from.height, from.format, s.width, s.height,
			astiav.PixelFormatYuv420P, astiav.NewSoftwareScaleContextFlags(astiav.SoftwareScaleContextFlagBicubic))
		if err != nil {
			return fmt.Errorf("scale %dx%d %v to %dx%d: %w", from.width, from.height, from.format, s.width, s.height, err)
		}
		s.ctx, s.from = ctx, from
	}
	if !dst.IsWritable() || shape(dst) != (picture{s.width, s.height, astiav.PixelFormatYuv420P}) {
		dst.Unref()
		dst.SetWidth(s.width)
		dst.SetHeight(s.height)
		dst.SetPixelFormat(astiav.PixelFormatYuv420P)
		if err := dst.AllocBuffer(0); err != nil {
			return err
		}
	}
	dst.SetPts(src.Pts())
	return s.ctx.ScaleFrame(src, dst)
}

func (s *scaler) free() {
	if s.ctx != nil {
		s.ctx.Free()
		s.ctx = nil
	}
}
