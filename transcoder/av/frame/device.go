package frame

import (
	"fmt"
	"strconv"

	"github.com/asticode/go-astiav"

	"castnet/transcoder"
)

// cardFrames is how many decoded pictures beyond its own a card's decoder holds for us: one, while it is scaled.
const cardFrames = 2

// Device is where a session runs; nil is the processor.
type Device struct {
	transcoder.Device
	HW *astiav.HardwareDeviceContext
}

// OpenDevice returns nil for the processor.
func OpenDevice(d transcoder.Device) (*Device, error) {
	if d.Backend == "" || d.Backend == transcoder.Software {
		return nil, nil //nolint:nilnil // nil is the processor
	}
	var hw *astiav.HardwareDeviceContext
	said, err := Listen(func() (err error) {
		hw, err = astiav.CreateHardwareDeviceContext(astiav.HardwareDeviceTypeCUDA, strconv.Itoa(d.Index), nil, 0)
		return err
	})
	if err != nil {
		return nil, noDevice(d.Index, said, err)
	}
	return &Device{d, hw}, nil
}

// Free gives the device back.
func (d *Device) Free() {
	if d != nil {
		d.HW.Free()
	}
}

// Card reports whether pictures are decoded and scaled on a card.
func (d *Device) Card() bool { return d != nil }

// Encodes reports whether they are encoded there, too.
func (d *Device) Encodes() bool { return d != nil && d.Backend == transcoder.Nvidia }

// CardScaler scales pictures on the card that they are on. They stay there for its encoder, else they come down.
type CardScaler struct {
	Width, Height int
	Stay          bool // on the card

	filter *filter
	from   input
}

// Scale makes dst refer to a scaled src.
func (s *CardScaler) Scale(src, dst *astiav.Frame) error {
	if from := inputOf(src); s.filter == nil || from != s.from {
		s.Free()
		// Without passthrough=0 a picture of the right size would stay in the decoder's few surfaces.
		text := fmt.Sprintf("scale_cuda=%d:%d:interp_algo=bicubic:format=nv12:passthrough=0", s.Width, s.Height)
		if !s.Stay {
			text = fmt.Sprintf("scale_cuda=%d:%d:interp_algo=bicubic:format=yuv420p:passthrough=0,hwdownload,format=yuv420p", s.Width, s.Height)
		}
		var err error
		if s.filter, err = newFilter(text, src); err != nil {
			return fmt.Errorf("scale on the card: %w", err)
		}
		s.from = from
	}
	return ofCard(s.filter.write(src, func(f *astiav.Frame) error { return dst.Ref(f) }))
}

// Free gives back what the scaler holds.
func (s *CardScaler) Free() {
	if s.filter != nil {
		s.filter.free()
		s.filter = nil
	}
}
