package av

import (
	"embed"
	"errors"
	"strings"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
	"castnet/transcoder"
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
	on, err := openDevice(d)
	if err != nil {
		place.Problem = err.Error()
		return place
	}
	defer on.free()
	picture := astiav.AllocFrame()
	defer picture.Free()
	var found problems
	for _, c := range []media.Codec{media.HEVC, media.AV1, media.VP8, media.VP9, media.H264} { // the last one's picture is kept
		if err := probeDecoder(c, on, picture); err != nil {
			found.add("decode", c, err)
			continue
		}
		place.Decode = append(place.Decode, c)
	}
	for _, c := range []media.Codec{media.H264, media.HEVC, media.AV1} {
		if picture.Width() == 0 {
			break // nothing has been decoded
		}
		if err := probeEncoder(c, on, picture); err != nil {
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

// probeDecoder leaves what it decoded in picture.
func probeDecoder(c media.Codec, on *device, picture *astiav.Frame) error {
	sample, err := samples.ReadFile("probe/" + strings.ToLower(c.String()))
	if err != nil {
		return err
	}
	track := &media.Track{Codec: c, ClockRate: media.VideoClockRate}
	dec, err := openDecoder(track, [2]int{320, 192}, on)
	if err != nil {
		return err
	}
	defer dec.free()
	found := errors.New("nothing came out")
	take := func(f *astiav.Frame) error {
		if on.card() && f.PixelFormat() != astiav.PixelFormatCuda {
			return errors.New("the card left it to the processor")
		}
		picture.Unref()
		found = nil
		return picture.Ref(f)
	}
	if err := dec.decode(&media.Unit{Key: true, Payload: sample}, take); err != nil {
		return err
	}
	return errors.Join(dec.drain(take), found)
}

func probeEncoder(c media.Codec, on *device, picture *astiav.Frame) error {
	if _, err := recipeOf(c, on); err != nil {
		return err
	}
	r := newRung(0, transcoder.Profile{Name: "probe", Codec: c, Width: 256, Height: 144, Bitrate: 200_000, Divisor: 1}, on)
	defer func() {
		close(r.jobs)
		r.close()
	}()
	f, borrowed, err := r.render(picture)
	if err != nil {
		return err
	}
	setIDR(f, true)
	j := job{frame: f, borrowed: borrowed, format: format{fps: defaultFPS, colours: inspect(picture).colours, pixels: f.PixelFormat()}}
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
