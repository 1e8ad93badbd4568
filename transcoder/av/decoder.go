package av

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
)

// decoder turns coded pictures of one track into frames, one thread, no delay beyond the stream's own reordering.
type decoder struct {
	track *media.Track
	ctx   *astiav.CodecContext
	frame *astiav.Frame // lent to the callback of decode and drain
}

// findDecoder returns nil for a codec that this build cannot decode.
func findDecoder(c media.Codec) *astiav.Codec {
	switch c {
	case media.H264:
		return astiav.FindDecoder(astiav.CodecIDH264)
	case media.HEVC:
		return astiav.FindDecoder(astiav.CodecIDHevc)
	case media.AV1:
		return astiav.FindDecoderByName("libdav1d")
	case media.VP8:
		return astiav.FindDecoder(astiav.CodecIDVp8)
	case media.VP9:
		return astiav.FindDecoder(astiav.CodecIDVp9)
	case media.AAC:
		return astiav.FindDecoder(astiav.CodecIDAac)
	case media.Opus:
		return astiav.FindDecoder(astiav.CodecIDOpus)
	default:
		return nil
	}
}

func openDecoder(t *media.Track) (*decoder, error) {
	codec := findDecoder(t.Codec)
	if codec == nil {
		return nil, fmt.Errorf("%v cannot be decoded here", t.Codec)
	}
	d := &decoder{track: t, ctx: astiav.AllocCodecContext(codec), frame: astiav.AllocFrame()}
	if err := d.open(codec); err != nil {
		d.free()
		return nil, fmt.Errorf("open the %v decoder: %w", t.Codec, err)
	}
	return d, nil
}

func (d *decoder) open(codec *astiav.Codec) error {
	options := astiav.NewDictionary()
	defer options.Free()
	if d.track.Codec.IsVideo() {
		d.ctx.SetThreadCount(1)
		if d.track.Reorder == 0 {
			d.ctx.SetFlags(d.ctx.Flags().Add(astiav.CodecContextFlagLowDelay))
		}
		setReorder(d.ctx, d.track.Reorder)
		// libav refuses a larger picture before it allocates one.
		limit := fmt.Sprint(transcoder.MaxDimension * transcoder.MaxDimension)
		if err := options.Set("max_pixels", limit, astiav.NewDictionaryFlags()); err != nil {
			return err
		}
	} else {
		d.ctx.SetSampleRate(d.track.ClockRate)
		d.ctx.SetChannelLayout(monoOrStereo(d.track.Channels))
	}
	if err := d.ctx.SetExtraData(d.track.Config); err != nil {
		return err
	}
	return d.ctx.Open(codec, options)
}

func (d *decoder) free() {
	d.frame.Free()
	d.ctx.Free()
}

// same reports whether units of t can go on in this decoder.
func (d *decoder) same(t *media.Track) bool {
	return d.track == t || d.track.Codec == t.Codec && d.track.Reorder == t.Reorder &&
		bytes.Equal(d.track.Config, t.Config)
}

// decode hands in one unit and calls picture for each frame that comes out. The frame is the decoder's: picture takes
// a reference where it keeps it.
func (d *decoder) decode(u *media.Unit, picture func(*astiav.Frame) error) error {
	if err := send(d.ctx, u.Payload, u.PTS, u.DTS); err != nil {
		return undecodable(err)
	}
	return d.receive(astiav.ErrEagain, picture)
}

// drain calls picture for every frame still inside. The next unit must be a key.
func (d *decoder) drain(picture func(*astiav.Frame) error) error {
	if err := d.ctx.SendPacket(nil); err != nil {
		return undecodable(err)
	}
	err := d.receive(astiav.ErrEof, picture)
	flush(d.ctx)
	return err
}

func (d *decoder) receive(until error, picture func(*astiav.Frame) error) error {
	for {
		if err := d.ctx.ReceiveFrame(d.frame); errors.Is(err, until) {
			return nil
		} else if err != nil {
			return undecodable(err)
		}
		err := picture(d.frame)
		d.frame.Unref()
		if err != nil {
			return err
		}
	}
}

// decodeError is libav's refusal of a unit: the stream's fault, not the session's.
type decodeError struct{ err error }

func undecodable(err error) error    { return &decodeError{err} }
func (e *decodeError) Error() string { return "undecodable: " + e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }
