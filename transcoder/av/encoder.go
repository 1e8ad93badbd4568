package av

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av/frame"
)

// format is what an encoder is opened for beyond its profile. Another format needs another encoder.
type format struct {
	fps      float64 // pictures a second of the rendition
	sar      [2]int  // sample aspect ratio, 0 where samples are square or unknown
	colours  frame.Colours
	rotation int // degrees anticlockwise
	pixels   astiav.PixelFormat
}

const (
	defaultFPS = 30 // where the source does not tell: rate control needs a number
	maxFPS     = 240
	maxGOP     = 1 << 20 // no key frames but those that are asked for
)

// recipe is how one codec is made live: no B-frames, no look-ahead, keys only where they are asked for, headers before
// each key.
type recipe struct {
	encoder string
	// options are libav's, beside size, rate and colours.
	options func(transcoder.Profile, format) [][2]string
	// qmin caps quality, and so what an easy scene costs, where nobody sees a difference any more.
	qmin int
	// orient names the bitstream filter that writes a rotation into the stream; AV1 has no place for it.
	orient string
}

// recipeOf returns an error for a codec that cannot be made here.
func recipeOf(c media.Codec, on *frame.Device) (recipe, error) {
	if on.Encodes() {
		return nvencRecipe(c)
	}
	switch c {
	case media.H264:
		return recipe{encoder: "libx264", options: x264Options, qmin: 14, orient: "h264_metadata"}, nil
	case media.HEVC:
		return recipe{encoder: "libx265", options: x265Options, qmin: 14, orient: "hevc_metadata"}, nil
	case media.AV1:
		if !frame.Patched() {
			return recipe{}, errors.New("AV1 cannot be encoded: the libaom wrapper of this FFmpeg writes into freed memory " +
				"(build the patched one: CASTNET_FFMPEG=build make deps)")
		}
		return recipe{encoder: "libaom-av1", options: aomOptions, qmin: 8}, nil
	default:
		return recipe{}, fmt.Errorf("%v cannot be encoded: choose H264, HEVC or AV1", c)
	}
}

// x264's veryfast is the knee of its speed/quality curve for live work. zerolatency takes out look-ahead, B-frames and
// frame threads.
func x264Options(p transcoder.Profile, f format) [][2]string {
	return [][2]string{
		{"preset", "veryfast"},
		{"tune", "zerolatency"},
		{"profile", "high"},
		{"level", h264Level(p, f.fps)},
		{"forced-idr", "1"},
		{"x264-params", "keyint=infinite:scenecut=0:bframes=0:repeat-headers=1:aud=0:sliced-threads=0"},
	}
}

// x265's ultrafast is where HEVC keeps up with live pictures on one thread.
func x265Options(transcoder.Profile, format) [][2]string {
	return [][2]string{
		{"preset", "ultrafast"},
		{"tune", "zerolatency"},
		{"forced-idr", "1"},
		{"a53cc", "1"},
		{"x265-params", "keyint=-1:scenecut=0:bframes=0:open-gop=0:repeat-headers=1:aud=0:info=0:" +
			"pools=none:frame-threads=1:wpp=0:log-level=none"},
	}
}

// libaom in real-time mode, as browsers use it, gives a unit for each picture at once. SVT-AV1 1.4, which Debian 12 has,
// holds eight back and cannot be told to let go of them but by ending it.
func aomOptions(transcoder.Profile, format) [][2]string {
	return [][2]string{
		{"usage", "realtime"},
		{"cpu-used", "8"}, // 9 is faster, but libav's option ends at 8
		{"lag-in-frames", "0"},
		{"aq-mode", "3"}, // cyclic refresh: no key frame has to be huge
		{"row-mt", "0"},
	}
}

// encoder makes one rendition.
type encoder struct {
	format format
	ctx    *astiav.CodecContext
	pkt    *astiav.Packet
	orient *astiav.BitStreamFilterContext // nil where pictures are upright
}

// openEncoder opens an encoder for pictures like first.
func openEncoder(p transcoder.Profile, f format, on *frame.Device, first *astiav.Frame) (*encoder, error) {
	r, err := recipeOf(p.Codec, on)
	if err != nil {
		return nil, err
	}
	codec := astiav.FindEncoderByName(r.encoder)
	if codec == nil {
		return nil, fmt.Errorf("this FFmpeg has no %s: build it with --enable-%[1]s", r.encoder)
	}
	e := &encoder{format: f, ctx: astiav.AllocCodecContext(codec), pkt: astiav.AllocPacket()}
	e.ctx.SetPixelFormat(f.pixels)
	if f.pixels == astiav.PixelFormatCuda {
		e.ctx.SetHardwareFramesContext(first.HardwareFramesContext())
	} else if on.Encodes() { // a picture that the processor decoded
		e.ctx.SetHardwareDeviceContext(on.HW)
	}
	if on.Encodes() {
		var said string
		if said, err = frame.Listen(func() error { return e.open(codec, p, r) }); err != nil {
			err = noEncoder(p.Codec, said, err)
		}
	} else {
		err = e.open(codec, p, r)
	}
	if err == nil && f.rotation != 0 && r.orient != "" {
		err = e.turn(r.orient)
	}
	if err != nil {
		e.free()
		return nil, err
	}
	return e, nil
}

func (e *encoder) open(codec *astiav.Codec, p transcoder.Profile, r recipe) error {
	c, f := e.ctx, e.format
	c.SetWidth(p.Width)
	c.SetHeight(p.Height)
	c.SetTimeBase(astiav.NewRational(1, media.VideoClockRate))
	c.SetFramerate(astiav.NewRational(int(math.Round(f.fps*1000)), 1000))
	if f.sar[0] > 0 {
		c.SetSampleAspectRatio(astiav.NewRational(f.sar[0], f.sar[1]))
	}
	c.SetColorRange(astiav.ColorRangeMpeg)
	c.SetColorSpace(f.colours.Space)
	c.SetColorPrimaries(f.colours.Primaries)
	c.SetColorTransferCharacteristic(f.colours.Transfer)
	c.SetBitRate(int64(p.Bitrate))
	c.SetRateControlMaxRate(int64(p.Bitrate))
	c.SetRateControlBufferSize(p.Bitrate) // one second
	c.SetQmin(r.qmin)
	c.SetMaxBFrames(0)
	c.SetGopSize(maxGOP)
	c.SetThreadCount(1) // renditions run in parallel; x264's own threads cost quality and, by frames, latency
	options := astiav.NewDictionary()
	defer options.Free()
	for _, o := range r.options(p, f) {
		if err := options.Set(o[0], o[1], astiav.NewDictionaryFlags()); err != nil {
			return err
		}
	}
	return c.Open(codec, options)
}

// turn has the stream say how its pictures are to be turned.
func (e *encoder) turn(filter string) error {
	bsf := astiav.FindBitStreamFilterByName(filter)
	if bsf == nil {
		return fmt.Errorf("this FFmpeg has no bitstream filter %s", filter)
	}
	var err error
	if e.orient, err = astiav.AllocBitStreamFilterContext(bsf); err != nil {
		return err
	}
	if err := e.ctx.ToCodecParameters(e.orient.InputCodecParameters()); err != nil {
		return err
	}
	e.orient.SetInputTimeBase(e.ctx.TimeBase())
	if err := e.orient.PrivateData().Options().Set("rotate", strconv.Itoa(e.format.rotation), astiav.NewOptionSearchFlags()); err != nil {
		return err
	}
	return e.orient.Initialize()
}

func (e *encoder) free() {
	if e.orient != nil {
		e.orient.Free()
	}
	e.pkt.Free()
	e.ctx.Free()
}

// setIDR marks a frame to become an IDR, or not: else the source's picture types would leak into the rendition.
func setIDR(f *astiav.Frame, idr bool) {
	f.SetPictureType(astiav.PictureTypeNone)
	if idr {
		f.SetPictureType(astiav.PictureTypeI)
	}
}

func isIDR(f *astiav.Frame) bool { return f.PictureType() == astiav.PictureTypeI }

// encode codes one frame: one picture in, one unit out. The unit's PTS is the frame's.
func (e *encoder) encode(f *astiav.Frame) (*media.Unit, error) {
	if err := e.ctx.SendFrame(f); err != nil {
		return nil, fmt.Errorf("encode picture %d: %w", f.Pts(), err)
	}
	if err := e.ctx.ReceivePacket(e.pkt); err != nil {
		return nil, fmt.Errorf("no unit for picture %d: %w", f.Pts(), err)
	}
	defer e.pkt.Unref()
	if e.orient != nil && e.pkt.Flags().Has(astiav.PacketFlagKey) {
		if err := e.orient.SendPacket(e.pkt); err != nil {
			return nil, fmt.Errorf("write the rotation: %w", err)
		}
		if err := e.orient.ReceivePacket(e.pkt); err != nil {
			return nil, fmt.Errorf("write the rotation: %w", err)
		}
	}
	if e.pkt.Pts() != f.Pts() {
		return nil, fmt.Errorf("the encoder gave picture %d for picture %d", e.pkt.Pts(), f.Pts())
	}
	u := &media.Unit{PTS: e.pkt.Pts(), DTS: e.pkt.Pts(), Key: e.pkt.Flags().Has(astiav.PacketFlagKey)}
	if e.ctx.CodecID() == astiav.CodecIDAv1 {
		u.Payload = withCaptions(withoutDelimiter(e.pkt.Data()), frame.Inspect(f).Captions)
	} else {
		u.Payload = longStartCodes(e.pkt.Data())
	}
	return u, nil
}

// h264Level is the lowest level of ITU-T H.264 table A-1 that holds the rendition: macroblocks a picture and a second,
// and bits a second (High profile: 1.25 times the table's).
func h264Level(p transcoder.Profile, fps float64) string {
	picture := (p.Width + 15) / 16 * ((p.Height + 15) / 16)
	second := int(math.Ceil(float64(picture) * fps))
	for _, l := range []struct {
		name                     string
		picture, second, bitrate int
	}{
		{"3.0", 1620, 40_500, 12_500_000},
		{"3.1", 3600, 108_000, 17_500_000},
		{"3.2", 5120, 216_000, 25_000_000},
		{"4.0", 8192, 245_760, 25_000_000},
		{"4.2", 8704, 522_240, 62_500_000},
		{"5.1", 36_864, 983_040, 300_000_000},
	} {
		if picture <= l.picture && second <= l.second && p.Bitrate <= l.bitrate {
			return l.name
		}
	}
	return "6.2"
}
