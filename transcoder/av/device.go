package av

import (
	"fmt"
	"strconv"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
)

// cardFrames is how many decoded pictures beyond its own a card's decoder holds for us: one, while it is scaled.
const cardFrames = 2

// device is where a session runs; nil is the processor.
type device struct {
	transcoder.Device
	hw *astiav.HardwareDeviceContext
}

func openDevice(d transcoder.Device) (*device, error) {
	if d.Backend == "" || d.Backend == transcoder.Software {
		return nil, nil //nolint:nilnil // nil is the processor
	}
	var hw *astiav.HardwareDeviceContext
	said, err := listen(func() (err error) {
		hw, err = astiav.CreateHardwareDeviceContext(astiav.HardwareDeviceTypeCUDA, strconv.Itoa(d.Index), nil, 0)
		return err
	})
	if err != nil {
		return nil, noDevice(d.Index, said, err)
	}
	return &device{d, hw}, nil
}

func (d *device) free() {
	if d != nil {
		d.hw.Free()
	}
}

// card reports whether pictures are decoded and scaled on a card, encodes whether they are encoded there, too.
func (d *device) card() bool    { return d != nil }
func (d *device) encodes() bool { return d != nil && d.Backend == transcoder.Nvidia }

// cardScaler scales pictures on the card that they are on. They stay there for its encoder, else they come down.
type cardScaler struct {
	filter *filter
	from   input
}

func (s *cardScaler) scale(src, dst *astiav.Frame, r *rung) error {
	if from := inputOf(src); s.filter == nil || from != s.from {
		s.free()
		// Without passthrough=0 a picture of the right size would stay in the decoder's few surfaces.
		text := fmt.Sprintf("scale_cuda=%d:%d:interp_algo=bicubic:format=nv12:passthrough=0", r.profile.Width, r.profile.Height)
		if !r.device.encodes() {
			text = fmt.Sprintf("scale_cuda=%d:%d:interp_algo=bicubic:format=yuv420p:passthrough=0,hwdownload,format=yuv420p",
				r.profile.Width, r.profile.Height)
		}
		var err error
		if s.filter, err = newFilter(text, src); err != nil {
			return fmt.Errorf("scale on the card: %w", err)
		}
		s.from = from
	}
	return ofCard(s.filter.write(src, func(f *astiav.Frame) error { return dst.Ref(f) }))
}

func (s *cardScaler) free() {
	if s.filter != nil {
		s.filter.free()
		s.filter = nil
	}
}

// nvencRecipe is the card's own encoders, for a unit out at once after each picture.
func nvencRecipe(c media.Codec) (recipe, error) {
	r := recipe{options: nvencOptions, qmin: 14}
	switch c {
	case media.H264:
		r.encoder, r.orient = "h264_nvenc", "h264_metadata"
	case media.HEVC:
		r.encoder, r.orient = "hevc_nvenc", "hevc_metadata"
	case media.AV1:
		r.encoder = "av1_nvenc"
	default:
		return r, fmt.Errorf("%v cannot be encoded: choose H264, HEVC or AV1", c)
	}
	return r, nil
}

// nvencOptions: no look-ahead, no B-frames, no picture held back. The card finds the level.
func nvencOptions(p transcoder.Profile, _ format) [][2]string {
	profile := "main"
	if p.Codec == media.H264 {
		profile = "high"
	}
	options := [][2]string{
		{"preset", "p4"},
		{"tune", "ull"},
		{"rc", "cbr"},
		{"zerolatency", "1"},
		{"delay", "0"},
		{"rc-lookahead", "0"},
		{"no-scenecut", "1"},
		{"forced-idr", "1"},
	}
	if p.Codec != media.AV1 { // whose only profile here is main
		options = append(options, [2]string{"profile", profile})
	}
	return options
}
