package av

import (
	"errors"
	"fmt"
	"math"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
)

// colours says how samples become light. It is part of the coded stream's header.
type colours struct {
	space     astiav.ColorSpace
	primaries astiav.ColorPrimaries
	transfer  astiav.ColorTransferCharacteristic
}

// format is what an encoder is opened for beyond its profile. Another format needs another encoder.
type format struct {
	fps     float64 // pictures a second of the rendition
	sar     [2]int  // sample aspect ratio, 0 where samples are square or unknown
	colours colours
}

// encoder makes H264 of one rendition: no B-frames, no look-ahead, one picture in, one unit out.
type encoder struct {
	format format
	ctx    *astiav.CodecContext
	pkt    *astiav.Packet
}

const (
	// x264's veryfast is the knee of its speed/quality curve for live work. zerolatency takes out look-ahead, B-frames
	// and frame threads. Keys come only where they are asked for; headers are repeated before each.
	x264Preset = "veryfast"
	x264Params = "keyint=infinite:scenecut=0:bframes=0:repeat-headers=1:aud=0:sliced-threads=0"

	defaultFPS = 30 // where the source does not tell: rate control needs a number
	maxFPS     = 240
)

func openEncoder(p transcoder.Profile, f format) (*encoder, error) {
	codec := astiav.FindEncoderByName("libx264")
	if codec == nil {
		return nil, errors.New("this FFmpeg has no libx264: build it with --enable-libx264")
	}
	e := &encoder{format: f, ctx: astiav.AllocCodecContext(codec), pkt: astiav.AllocPacket()}
	if err := e.open(codec, p); err != nil {
		e.free()
		return nil, fmt.Errorf("open the %v encoder of rendition %s: %w", p.Codec, p.Name, err)
	}
	return e, nil
}

func (e *encoder) open(codec *astiav.Codec, p transcoder.Profile) error {
	c, f := e.ctx, e.format
	c.SetWidth(p.Width)
	c.SetHeight(p.Height)
	c.SetPixelFormat(astiav.PixelFormatYuv420P)
	c.SetTimeBase(astiav.NewRational(1, media.VideoClockRate))
	c.SetFramerate(astiav.NewRational(int(math.Round(f.fps*1000)), 1000))
	if f.sar[0] > 0 {
		c.SetSampleAspectRatio(astiav.NewRational(f.sar[0], f.sar[1]))
	}
	c.SetColorRange(astiav.ColorRangeMpeg)
	c.SetColorSpace(f.colours.space)
	c.SetColorPrimaries(f.colours.primaries)
	c.SetColorTransferCharacteristic(f.colours.transfer)
	c.SetBitRate(int64(p.Bitrate))
	c.SetRateControlMaxRate(int64(p.Bitrate))
	c.SetRateControlBufferSize(p.Bitrate) // one second
	c.SetMaxBFrames(0)
	c.SetThreadCount(1) // renditions run in parallel; x264's own threads cost quality and, by frames, latency

	options := astiav.NewDictionary()
	defer options.Free()
	for _, o := range [][2]string{
		{"preset", x264Preset},
		{"tune", "zerolatency"},
		{"profile", "high"},
		{"level", h264Level(p, f.fps)},
		{"forced-idr", "1"},
		{"x264-params", x264Params},
	} {
		if err := options.Set(o[0], o[1], astiav.NewDictionaryFlags()); err != nil {
			return err
		}
	}
	return c.Open(codec, options)
}

func (e *encoder) free() {
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

// encode codes one frame. The unit's PTS is the frame's.
func (e *encoder) encode(f *astiav.Frame) (*media.Unit, error) {
	if err := e.ctx.SendFrame(f); err != nil {
		return nil, fmt.Errorf("encode picture %d: %w", f.Pts(), err)
	}
	if err := e.ctx.ReceivePacket(e.pkt); err != nil {
		return nil, fmt.Errorf("no unit for picture %d: %w", f.Pts(), err)
	}
	defer e.pkt.Unref()
	if e.pkt.Pts() != f.Pts() {
		return nil, fmt.Errorf("the encoder gave picture %d for picture %d", e.pkt.Pts(), f.Pts())
	}
	return &media.Unit{
		PTS: f.Pts(), DTS: f.Pts(), Key: e.pkt.Flags().Has(astiav.PacketFlagKey), Payload: longStartCodes(e.pkt.Data()),
	}, nil
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
