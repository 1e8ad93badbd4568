package frame

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// Shape is the shape of a frame's samples.
type Shape struct {
	Width, Height int
	Format        astiav.PixelFormat
	Full          bool // samples use the full range (JPEG's), not the limited one of video
}

func shapeOf(f *astiav.Frame) Shape {
	return Shape{f.Width(), f.Height(), f.PixelFormat(), f.ColorRange() == astiav.ColorRangeJpeg}
}

// Scaler makes frames of one shape of whatever it is given.
type Scaler struct {
	To    Shape
	Mean  bool // see newSwscale
	from  Shape
	cubic *bicubic // nil for what it cannot do
	sws   *swscale // made where it is needed
}

// VideoScaler makes what encoders take: 8-bit 4:2:0 in limited range.
func VideoScaler(width, height int) Scaler {
	return Scaler{To: Shape{Width: width, Height: height, Format: astiav.PixelFormatYuv420P}}
}

// Fits reports whether src needs no scaling.
func (s *Scaler) Fits(src *astiav.Frame) bool { return shapeOf(src) == s.To }

// Scale fills dst with src. dst's buffer is used again where nobody else holds it.
func (s *Scaler) Scale(src, dst *astiav.Frame) error {
	if from := shapeOf(src); from != s.from {
		s.Free()
		s.from = from
		if !s.Mean {
			s.cubic = newBicubic(from, s.To)
		}
	}
	if !dst.IsWritable() || shapeOf(dst) != s.To {
		dst.Unref()
		dst.SetWidth(s.To.Width)
		dst.SetHeight(s.To.Height)
		dst.SetPixelFormat(s.To.Format)
		if s.To.Full {
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
		if s.sws = newSwscale(s.from, s.To, s.Mean); s.sws == nil {
			return fmt.Errorf("cannot scale %dx%d %v to %dx%d %v",
				s.from.Width, s.from.Height, s.from.Format, s.To.Width, s.To.Height, s.To.Format)
		}
	}
	return s.sws.scale(src, dst)
}

// Free gives back what the scaler holds.
func (s *Scaler) Free() {
	s.cubic.free()
	s.sws.free()
	s.cubic, s.sws, s.from = nil, nil, Shape{}
}
