package av

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
)

// decoder turns coded pictures of one track into frames, one thread, no delay beyond the stream's own reordering and
// what its treatment needs.
type decoder struct {
	track *media.Track
	ctx   *astiav.CodecContext
	frame *astiav.Frame // lent to the callback of decode and drain

	card          bool // decodes on one
	width, height int  // of the last picture, as it was coded
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

// openDecoder makes a decoder. Pictures that have to be treated may come out no larger than within. On a card they stay
// there; what the card's decoder cannot do is done by the processor.
func openDecoder(t *media.Track, within [2]int, on *device) (*decoder, error) {
	codec := findDecoder(t.Codec)
	if on.card() && t.Codec == media.AV1 {
		codec = astiav.FindDecoderByName("av1") // libdav1d knows no cards
	}
	if codec == nil {
		return nil, fmt.Errorf("%v cannot be decoded here", t.Codec)
	}
	d := &decoder{track: t, within: within, ctx: astiav.AllocCodecContext(codec), frame: astiav.AllocFrame()}
	if d.card = on.card(); d.card {
		d.ctx.SetHardwareDeviceContext(on.hw)
		preferCard(d.ctx)
		d.ctx.SetExtraHardwareFrames(cardFrames)
	}
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
		limit := fmt.Sprint(media.MaxDimension * media.MaxDimension)
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
	if d.filter != nil {
		d.filter.free()
	}
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
		return d.blame(err)
	}
	return d.receive(astiav.ErrEagain, picture)
}

// drain calls picture for every frame still inside. The next unit must be a key.
func (d *decoder) drain(picture func(*astiav.Frame) error) error {
	if err := d.ctx.SendPacket(nil); err != nil {
		return d.blame(err)
	}
	err := d.receive(astiav.ErrEof, picture)
	flush(d.ctx)
	return errors.Join(err, d.untreat(picture))
}

func (d *decoder) receive(until error, picture func(*astiav.Frame) error) error {
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
func (d *decoder) blame(err error) error {
	if err = undecodable(err); d.card {
		err = ofCard(err)
	}
	return err
}

// treat calls picture with f, treated where it needs to be.
func (d *decoder) treat(f *astiav.Frame, picture func(*astiav.Frame) error) error {
	if !d.track.Codec.IsVideo() {
		return picture(f)
	}
	if max(f.Width(), f.Height()) > media.MaxDimension {
		return undecodable(fmt.Errorf("picture of %dx%d: allowed are %d each way", f.Width(), f.Height(), media.MaxDimension))
	}
	if t := treats(f, inspect(f), d.treatment); t != d.treatment {
		if err := d.untreat(picture); err != nil {
			return err
		}
		if t != (treatment{}) {
			var err error
			if d.filter, err = newFilter(t.graph(d.within[0], d.within[1]), f); err != nil {
				return undecodable(err)
			}
			d.treatment = t
		}
	}
	d.width, d.height = f.Width(), f.Height()
	if d.filter == nil {
		return picture(f)
	}
	return d.filter.write(f, picture)
}

// untreat takes out what the treatment holds and ends it.
func (d *decoder) untreat(picture func(*astiav.Frame) error) error {
	if d.filter == nil {
		return nil
	}
	err := d.filter.write(nil, picture)
	d.filter.free()
	d.filter, d.treatment = nil, treatment{}
	return err
}

// decodeError is libav's refusal of a unit: the stream's fault, not the session's.
type decodeError struct{ err error }

// errNoMemory is AVERROR(ENOMEM).
const errNoMemory = astiav.Error(-int(syscall.ENOMEM))

// undecodable blames the stream, but not for want of memory: within its limits a stream has enough of it. Decoders report
// some allocations that failed as invalid data, so that is asked too.
func undecodable(err error) error {
	switch {
	case errors.Is(err, errNoMemory):
		return err
	case !memoryLeft():
		return fmt.Errorf("%w (%w)", errNoMemory, err)
	}
	return &decodeError{err}
}

func (e *decodeError) Error() string { return "undecodable: " + e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }
