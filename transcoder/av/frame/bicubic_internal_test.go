package frame

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/asticode/go-astiav"
	"golang.org/x/sys/cpu"
)

// ramp makes a picture of noise over a ramp.
func ramp(at, random float64) byte { return byte(min(at*255+random*64, 255)) }

// points makes one of points that are a contrast apart.
func points(contrast byte) func(at, random float64) byte {
	return func(_, random float64) byte { return 128 - contrast/2 + byte(math.Round(random))*contrast }
}

// draw makes a picture that is hard to scale.
func draw(t *testing.T, width, height int, sample func(at, random float64) byte) *astiav.Frame {
	t.Helper()
	f := astiav.AllocFrame()
	t.Cleanup(f.Free)
	f.SetWidth(width)
	f.SetHeight(height)
	f.SetPixelFormat(astiav.PixelFormatYuv420P)
	if err := f.AllocBuffer(0); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same noise each time
	data := make([]byte, width*height+2*((width+1)/2)*((height+1)/2))
	for i := range data {
		data[i] = sample(float64(i)/float64(len(data)), random.Float64())
	}
	if err := f.Data().SetBytes(data, 1); err != nil {
		t.Fatal(err)
	}
	return f
}

// apart is how far the samples of two pictures are from each other, but for the edges, where swscale differs.
func apart(t *testing.T, a, b *astiav.Frame) float64 {
	t.Helper()
	got, err := a.Data().Bytes(1)
	want, err2 := b.Data().Bytes(1)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	const edge = 4
	width, height := a.Width(), a.Height()
	sum, n := 0, 0
	plane := func(at, width, height int) {
		for y := edge; y < height-edge; y++ {
			for x := edge; x < width-edge; x++ {
				d := int(got[at+y*width+x]) - int(want[at+y*width+x])
				sum += d * d
				n++
			}
		}
	}
	plane(0, width, height)
	plane(width*height, (width+1)/2, (height+1)/2)
	plane(width*height+(width+1)/2*((height+1)/2), (width+1)/2, (height+1)/2)
	return math.Sqrt(float64(sum) / float64(max(n, 1)))
}

// TestBicubic holds the scaler against swscale's: rounding apart they are the same, whatever the sizes.
func TestBicubic(t *testing.T) {
	for _, c := range []struct{ width, height, toWidth, toHeight int }{
		{1920, 1080, 1280, 720}, {1280, 720, 852, 480}, {852, 480, 640, 360}, {640, 360, 250, 142}, // 6, 6, 6, 12 taps
		{1280, 720, 640, 360}, {640, 480, 480, 360}, {320, 180, 640, 360}, {640, 360, 640, 364}, // 8, 6, 4, 4 taps
		{200, 200, 52, 200}, {64, 64, 64, 64}, {641, 361, 427, 241}, {1279, 719, 853, 479}, {65, 33, 93, 65}, // odd ones
	} {
		from := Shape{Width: c.width, Height: c.height, Format: astiav.PixelFormatYuv420P}
		to := Shape{Width: c.toWidth, Height: c.toHeight, Format: astiav.PixelFormatYuv420P}
		ours, theirs := newBicubic(from, to), newSwscale(from, to, false)
		if ours == nil && !cpu.X86.HasAVX2 {
			t.Skip("this processor leaves it to swscale")
		}
		if ours == nil {
			t.Fatalf("%+v is left to swscale", c)
		}
		for _, p := range []struct {
			name    string
			sample  func(at, random float64) byte
			allowed float64
		}{
			{"ramp", ramp, 0.6},
			{"points", points(160), 1.2},
			{"black and white", points(255), 10}, // between its steps ours has no room for what the filter overshoots by
		} {
			src := draw(t, c.width, c.height, p.sample)
			a, b := draw(t, c.toWidth, c.toHeight, ramp), draw(t, c.toWidth, c.toHeight, ramp)
			ours.scale(src, a)
			if err := theirs.scale(src, b); err != nil {
				t.Fatal(err)
			}
			if off := apart(t, a, b); off > p.allowed {
				t.Errorf("%+v, %s: %.2f levels apart from swscale's, root mean square", c, p.name, off)
			}
		}
		ours.free()
		theirs.free()
	}
}

// TestBicubicLeaves tells what it leaves to swscale.
func TestBicubicLeaves(t *testing.T) {
	hd := Shape{Width: 1920, Height: 1080, Format: astiav.PixelFormatYuv420P}
	for name, c := range map[string][2]Shape{
		"10 bits":        {{Width: 1920, Height: 1080, Format: astiav.PixelFormatYuv420P10Le}, hd},
		"another range":  {{Width: 1280, Height: 720, Format: astiav.PixelFormatYuv420P, Full: true}, hd},
		"too much less":  {hd, {Width: 64, Height: 36, Format: astiav.PixelFormatYuv420P}},
		"much less":      {{Width: 16384, Height: 16384, Format: astiav.PixelFormatYuv420P}, {Width: 2, Height: 16384, Format: astiav.PixelFormatYuv420P}},
		"too few pixels": {{Width: 4, Height: 4, Format: astiav.PixelFormatYuv420P}, hd},
	} {
		if b := newBicubic(c[0], c[1]); b != nil {
			t.Errorf("%s: taken", name)
		}
	}
}
