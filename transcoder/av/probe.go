package av

import (
	"embed"
	"errors"
	"strings"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/av/frame"
)

// samples are one key picture of each codec: colour bars of 320x192.
//
//go:embed probe
var samples embed.FS

// Probe finds out what a device can do by doing it: it decodes a picture of each codec, and encodes one in each. Where it
// can do nothing, Problem says why.
func Probe(d transcoder.Device) transcoder.Place {
	astiav.SetLogLevel(astiav.LogLevelQuiet)
	place := transcoder.Place{Device: d}
	on, err := frame.OpenDevice(d)
	if err != nil {
		place.Problem = err.Error()
		return place
	}
	defer on.Free()
	shown := astiav.AllocFrame()
	defer shown.Free()
	var found problems
	for _, c := range []media.Codec{media.HEVC, media.AV1, media.VP8, media.VP9, media.H264} { // the last one's picture is kept
		if err := probeDecoder(c, on, shown); err != nil {
			found.add("decode", c, err)
			continue
		}
		place.Decode = append(place.Decode, c)
	}
	for _, c := range []media.Codec{media.H264, media.HEVC, media.AV1} {
		if shown.Width() == 0 {
			break // nothing has been decoded
		}
		if err := probeEncoder(c, on, shown); err != nil {
			found.add("encode", c, err)
			continue
		}
		place.Encode = append(place.Encode, c)
	}
	place.Problem = found.String()
	return place
}

// problems are what a device could not do, those of one reason together.
type problems []struct{ what, why string }

func (p *problems) add(verb string, c media.Codec, err error) {
	why := strings.ReplaceAll(err.Error(), "\n", ", ")
	for i, known := range *p {
		if known.why == why && strings.HasPrefix(known.what, verb) {
			(*p)[i].what += ", " + c.String()
			return
		}
	}
	*p = append(*p, struct{ what, why string }{verb + " " + c.String(), why})
}

func (p *problems) String() string {
	var lines []string
	for _, one := range *p {
		lines = append(lines, "cannot "+one.what+": "+one.why)
	}
	return strings.Join(lines, "; ")
}

// probeDecoder leaves what it decoded in shown.
func probeDecoder(c media.Codec, on *frame.Device, shown *astiav.Frame) error {
	sample, err := samples.ReadFile("probe/" + strings.ToLower(c.String()))
	if err != nil {
		return err
	}
	track := &media.Track{Codec: c, ClockRate: media.VideoClockRate}
	dec, err := frame.OpenDecoder(track, [2]int{320, 192}, on)
	if err != nil {
		return err
	}
	defer dec.Free()
	found := errors.New("nothing came out")
	take := func(f *astiav.Frame) error {
		if on.Card() && f.PixelFormat() != astiav.PixelFormatCuda {
			return errors.New("the card left it to the processor")
		}
		shown.Unref()
		found = nil
		return shown.Ref(f)
	}
	if err := dec.Decode(&media.Unit{Key: true, Payload: sample}, take); err != nil {
		return err
	}
	return errors.Join(dec.Drain(take), found)
}

func probeEncoder(c media.Codec, on *frame.Device, shown *astiav.Frame) error {
	if _, err := recipeOf(c, on); err != nil {
		return err
	}
	r := newRung(0, transcoder.Profile{Name: "probe", Codec: c, Width: 256, Height: 144, Bitrate: 200_000, Divisor: 1}, on)
	defer func() {
		close(r.jobs)
		r.close()
	}()
	f, borrowed, err := r.render(shown)
	if err != nil {
		return err
	}
	setIDR(f, true)
	j := job{frame: f, borrowed: borrowed, format: format{fps: defaultFPS, colours: frame.Inspect(shown).Colours, pixels: f.PixelFormat()}}
	defer r.give(j)
	if err := r.prepare(j); err != nil {
		return err
	}
	u, err := r.enc.encode(f)
	if err == nil && !u.Key {
		err = errors.New("the first unit is no key")
	}
	return err
}
