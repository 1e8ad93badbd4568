package frame

import (
	"errors"
	"fmt"
	"strings"

	"github.com/asticode/go-astiav"

	"castnet/internal/media"
)

// treatment is what decoded pictures need before they can be scaled and encoded. Most need none.
type treatment struct {
	// interlaced pictures are made progressive, one for one; others that come in between pass untouched.
	interlaced bool
	// transfer is set for high dynamic range (PQ, HLG): it is mapped to BT.709.
	transfer astiav.ColorTransferCharacteristic
	// download takes pictures off the card: it scales those in full range, but leaves the range as it is.
	download bool
	input
}

// input is what a filter graph must know of the pictures that come.
type input struct {
	Shape
	space astiav.ColorSpace
	sar   astiav.Rational
}

func inputOf(f *astiav.Frame) input { return input{shapeOf(f), f.ColorSpace(), f.SampleAspectRatio()} }

// treats tells what a frame needs. A stream that was interlaced once stays so, to its decoder's end: in many, some
// pictures are and some are not.
func treats(f *astiav.Frame, l Look, before treatment) treatment {
	var t treatment
	t.interlaced = l.Interlaced || before.interlaced
	if tr := l.Colours.Transfer; tr == astiav.ColorTransferCharacteristicSmpte2084 || tr == astiav.ColorTransferCharacteristicAribStdB67 {
		t.transfer = tr
	}
	t.download = f.PixelFormat() == astiav.PixelFormatCuda && (t.transfer != 0 || f.ColorRange() == astiav.ColorRangeJpeg)
	if t != (treatment{}) {
		t.input = inputOf(f)
	}
	return t
}

// graph is the text of a libavfilter graph. The mapping is done in linear light at the size of the largest rung, for
// its cost: floating point samples. zscale is told what PQ and HLG imply where a stream leaves it out.
func (t treatment) graph(width, height int) string {
	var steps []string
	onCard := t.Format == astiav.PixelFormatCuda
	switch {
	case t.interlaced && onCard:
		steps = append(steps, "bwdif_cuda=mode=send_frame:deint=interlaced")
	case t.interlaced:
		steps = append(steps, "bwdif=mode=send_frame:deint=interlaced")
	}
	if t.download {
		steps = append(steps, "hwdownload", "format=nv12|p010le")
	}
	if t.transfer != 0 {
		matrix, primaries, transfer := "2020_ncl", "2020", "smpte2084"
		if t.transfer == astiav.ColorTransferCharacteristicAribStdB67 {
			transfer = "arib-std-b67"
		}
		steps = append(steps,
			fmt.Sprintf("zscale=w=%d:h=%d:min=%s:pin=%s:tin=%s:t=linear:npl=203", // cd/m² of white: ITU-R BT.2408
				min(width, t.Width), min(height, t.Height), matrix, primaries, transfer),
			"format=gbrpf32le", "zscale=p=709", "tonemap=hable:desat=0",
			"zscale=t=709:m=709:r=limited", "format=yuv420p")
	}
	return strings.Join(steps, ",")
}

// filter is a libavfilter graph for pictures of one kind. It may hold one back until the next.
type filter struct {
	graph  *astiav.FilterGraph
	source *astiav.BuffersrcFilterContext
	sink   *astiav.BuffersinkFilterContext
	frame  *astiav.Frame
}

// newFilter opens a graph for pictures like f.
func newFilter(text string, f *astiav.Frame) (*filter, error) {
	g := &filter{graph: astiav.AllocFilterGraph(), frame: astiav.AllocFrame()}
	if err := g.open(text, f); err != nil {
		g.free()
		return nil, fmt.Errorf("filter %s: %w (has this FFmpeg all of it?)", text, err)
	}
	return g, nil
}

func (f *filter) open(text string, like *astiav.Frame) error {
	f.graph.SetThreadCount(1)
	var err error
	if f.source, err = f.graph.NewBuffersrcFilterContext(astiav.FindFilterByName("buffer"), "in"); err != nil {
		return err
	}
	if f.sink, err = f.graph.NewBuffersinkFilterContext(astiav.FindFilterByName("buffersink"), "out"); err != nil {
		return err
	}
	from := inputOf(like)
	p := astiav.AllocBuffersrcFilterContextParameters()
	defer p.Free()
	p.SetWidth(from.Width)
	p.SetHeight(from.Height)
	p.SetPixelFormat(from.Format)
	p.SetSampleAspectRatio(from.sar)
	p.SetTimeBase(astiav.NewRational(1, media.VideoClockRate))
	p.SetColorSpace(from.space)
	if from.Format == astiav.PixelFormatCuda {
		p.SetHardwareFramesContext(like.HardwareFramesContext())
	}
	if from.Full {
		p.SetColorRange(astiav.ColorRangeJpeg)
	} else {
		p.SetColorRange(astiav.ColorRangeMpeg)
	}
	if err := f.source.SetParameters(p); err != nil {
		return err
	}
	if err := f.source.Initialize(nil); err != nil {
		return err
	}
	in, out := astiav.AllocFilterInOut(), astiav.AllocFilterInOut()
	defer in.Free()
	defer out.Free()
	in.SetName("in")
	in.SetFilterContext(f.source.FilterContext())
	out.SetName("out")
	out.SetFilterContext(f.sink.FilterContext())
	if err := f.graph.Parse(text, out, in); err != nil {
		return err
	}
	return f.graph.Configure()
}

func (f *filter) free() {
	f.frame.Free()
	f.graph.Free()
}

// write hands in a picture, or with nil the end, and calls picture for each that comes out.
func (f *filter) write(src *astiav.Frame, picture func(*astiav.Frame) error) error {
	if err := f.source.AddFrame(src, astiav.NewBuffersrcFlags(astiav.BuffersrcFlagKeepRef)); err != nil {
		return Undecodable(err)
	}
	for {
		err := f.sink.GetFrame(f.frame, astiav.NewBuffersinkFlags())
		if errors.Is(err, astiav.ErrEagain) || errors.Is(err, astiav.ErrEof) {
			return nil
		}
		if err != nil {
			return Undecodable(err)
		}
		base := f.sink.TimeBase() // the deinterlacer's ticks are halves
		ticks := int64(base.Den()) / media.VideoClockRate / int64(base.Num())
		f.frame.SetPts(f.frame.Pts() / ticks)
		err = picture(f.frame)
		f.frame.Unref()
		if err != nil {
			return err
		}
	}
}
