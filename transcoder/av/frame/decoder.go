// Package frame makes pictures and sound of coded units, and brings pictures into the size and kind that is asked for: it
// decodes, deinterlaces, maps colours and scales, on the processor or on a card. What becomes of frames then is transcoder/av's.
package frame

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
)

// Decoder turns coded pictures of one track into frames, one thread, no delay beyond the stream's own reordering and
// what its treatment needs.
type Decoder struct {
	Track *media.Track
	ctx   *astiav.CodecContext
	frame *astiav.Frame // lent to the callback of Decode and Drain

	card          bool // decodes on one
	Width, Height int  // of the last picture, as it was coded
	within        [2]int
	treatment     treatment
	filter        *filter // nil where pictures need no treatment
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

// OpenDecoder makes a decoder. Pictures that have to be treated may come out no larger than within. On a card they stay
// there; what the card's decoder cannot do is done by the processor.
func OpenDecoder(t *media.Track, within [2]int, on *Device) (*Decoder, error) {
	codec := findDecoder(t.Codec)
	if on.Card() && t.Codec == media.AV1 {
		codec = astiav.FindDecoderByName("av1") // libdav1d knows no cards
	}
	if codec == nil {
		return nil, fmt.Errorf("%v cannot be decoded here", t.Codec)
	}
	d := &Decoder{Track: t, within: within, ctx: astiav.AllocCodecContext(codec), frame: astiav.AllocFrame()}
	if d.card = on.Card(); d.card {
		d.ctx.SetHardwareDeviceContext(on.HW)
		preferCard(d.ctx)
		d.ctx.SetExtraHardwareFrames(cardFrames)
	}
	if err := d.open(codec); err != nil {
		d.Free()
		return nil, fmt.Errorf("open the %v decoder: %w", t.Codec, err)
	}
	return d, nil
}

func (d *Decoder) open(codec *astiav.Codec) error {
	options := astiav.NewDictionary()
	defer options.Free()
	if d.Track.Codec.IsVideo() {
		d.ctx.SetThreadCount(1)
		if d.Track.Reorder == 0 {
			d.ctx.SetFlags(d.ctx.Flags().Add(astiav.CodecContextFlagLowDelay))
		}
		setReorder(d.ctx, d.Track.Reorder)
		// libav refuses a larger picture before it allocates one.
		limit := fmt.Sprint(media.MaxDimension * media.MaxDimension)
		if err := options.Set("max_pixels", limit, astiav.NewDictionaryFlags()); err != nil {
			return err
		}
	} else {
		d.ctx.SetSampleRate(d.Track.ClockRate)
		d.ctx.SetChannelLayout(monoOrStereo(d.Track.Channels))
	}
	if err := d.ctx.SetExtraData(d.Track.Config); err != nil {
		return err
	}
	return d.ctx.Open(codec, options)
}

// Free gives back what the decoder holds.
func (d *Decoder) Free() {
	if d.filter != nil {
		d.filter.free()
	}
	d.frame.Free()
	d.ctx.Free()
}

// Same reports whether units of t can go on in this decoder.
func (d *Decoder) Same(t *media.Track) bool {
	return d.Track == t || d.Track.Codec == t.Codec && d.Track.Reorder == t.Reorder &&
		bytes.Equal(d.Track.Config, t.Config)
}

// Decode hands in one unit and calls picture for each frame that comes out. The frame is the decoder's: picture takes
// a reference where it keeps it.
func (d *Decoder) Decode(u *media.Unit, picture func(*astiav.Frame) error) error {
	if err := send(d.ctx, u.Payload, u.PTS, u.DTS); err != nil {
		return d.blame(err)
	}
	return d.receive(astiav.ErrEagain, picture)
}

// Drain calls picture for every frame still inside. The next unit must be a key.
func (d *Decoder) Drain(picture func(*astiav.Frame) error) error {
	if err := d.ctx.SendPacket(nil); err != nil {
		return d.blame(err)
	}
	err := d.receive(astiav.ErrEof, picture)
	flush(d.ctx)
	return errors.Join(err, d.untreat(picture))
}

func (d *Decoder) receive(until error, picture func(*astiav.Frame) error) error {
	for {
		if err := d.ctx.ReceiveFrame(d.frame); errors.Is(err, until) {
			return nil
		} else if err != nil {
			return d.blame(err)
		}
		err := d.treat(d.frame, picture)
		d.frame.Unref()
		if err != nil {
			return err
		}
	}
}

// blame says whose fault it is that a unit was not decoded: the stream's, or on a card perhaps that one's.
func (d *Decoder) blame(err error) error {
	if err = Undecodable(err); d.card {
		err = ofCard(err)
	}
	return err
}

// treat calls picture with f, treated where it needs to be.
func (d *Decoder) treat(f *astiav.Frame, picture func(*astiav.Frame) error) error {
	if !d.Track.Codec.IsVideo() {
		return picture(f)
	}
	if max(f.Width(), f.Height()) > media.MaxDimension {
		return Undecodable(fmt.Errorf("picture of %dx%d: allowed are %d each way", f.Width(), f.Height(), media.MaxDimension))
	}
	if t := treats(f, Inspect(f), d.treatment); t != d.treatment {
		if err := d.untreat(picture); err != nil {
			return err
		}
		if t != (treatment{}) {
			var err error
			if d.filter, err = newFilter(t.graph(d.within[0], d.within[1]), f); err != nil {
				return Undecodable(err)
			}
			d.treatment = t
		}
	}
	d.Width, d.Height = f.Width(), f.Height()
	if d.filter == nil {
		return picture(f)
	}
	return d.filter.write(f, picture)
}

// untreat takes out what the treatment holds and ends it.
func (d *Decoder) untreat(picture func(*astiav.Frame) error) error {
	if d.filter == nil {
		return nil
	}
	err := d.filter.write(nil, picture)
	d.filter.free()
	d.filter, d.treatment = nil, treatment{}
	return err
}

// DecodeError is libav's refusal of a unit: the stream's fault, not the session's.
type DecodeError struct{ err error }

// errNoMemory is AVERROR(ENOMEM).
const errNoMemory = astiav.Error(-int(syscall.ENOMEM))

// Undecodable blames the stream, but not for want of memory: within its limits a stream has enough of it. Decoders report
// some allocations that failed as invalid data, so that is asked too.
func Undecodable(err error) error {
	switch {
	case errors.Is(err, errNoMemory):
		return err
	case !memoryLeft():
		return fmt.Errorf("%w (%w)", errNoMemory, err)
	}
	return &DecodeError{err}
}

func (e *DecodeError) Error() string { return "Undecodable: " + e.err.Error() }
func (e *DecodeError) Unwrap() error { return e.err }

// monoOrStereo is what an Opus decoder must be told; AAC's configuration names its own layout.
func monoOrStereo(channels int) astiav.ChannelLayout {
	if channels == 1 {
		return astiav.ChannelLayoutMono
	}
	return astiav.ChannelLayoutStereo
}
