package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// picture is the shape of a frame's samples.
type picture struct {
	width, height int
	format        astiav.PixelFormat
	full          bool // samples use the full range (JPEG's), not the limited one of video
}

func shape(f *astiav.Frame) picture {
	return picture{f.Width(), f.Height(), f.PixelFormat(), f.ColorRange() == astiav.ColorRangeJpeg}
}

// scaler makes frames of one shape of whatever it is given.
type scaler struct {
	to    picture
	mean  bool // see newSwscale
	from  picture
	cubic *bicubic // nil for what it cannot do
	sws   *swscale // made where it is needed
}

// videoScaler makes what encoders take: 8-bit 4:2:0 in limited range.
func videoScaler(width, height int) scaler {
	return scaler{to: picture{width: width, height: height, format: astiav.PixelFormatYuv420P}}
}

// fits reports whether src needs no scaling.
func (s *scaler) fits(src *astiav.Frame) bool { return shape(src) == s.to }

// scale fills dst with src. dst's buffer is used again where nobody else holds it.
func (s *scaler) scale(src, dst *astiav.Frame) error {
	if from := shape(src); from != s.from {
		s.free()
		s.from = from
		if !s.mean {
			s.cubic = newBicubic(from, s.to)
		}
	}
	if !dst.IsWritable() || shape(dst) != s.to {
		dst.Unref()
		dst.SetWidth(s.to.width)
		dst.SetHeight(s.to.height)
		dst.SetPixelFormat(s.to.format)
		if s.to.full {
			dst.SetColorRange(astiav.ColorRangeJpeg)
		}
		if err := dst.AllocBuffer(0); err != nil {
			return err
		}
	}
	dst.SetPts(src.Pts())
	if s.cubic != nil {
		s.cubic.scale(src, dst)
		return nil
	}
	if s.sws == nil {
		if s.sws = newSwscale(s.from, s.to, s.mean); s.sws == nil {
			return fmt.Errorf("cannot scale %dx%d %v to %dx%d %v",
				s.from.width, s.from.height, s.from.format, s.to.width, s.to.height, s.to.format)
		}
	}
	return s.sws.scale(src, dst)
}

func (s *scaler) free() {
	s.cubic.free()
	s.sws.free()
	s.cubic, s.sws, s.from = nil, nil, picture{}
}
