package transcoding

import (
	"testing"

	"castnet/internal/media"
	"castnet/transcoder"
)

func TestChoosePlaces(t *testing.T) {
	h264 := []media.Codec{media.H264}
	at := func(b transcoder.Backend, i int, codecs []media.Codec) transcoder.Place {
		return transcoder.Place{Device: transcoder.Device{Backend: b, Index: i}, Decode: codecs, Encode: codecs}
	}
	places := []transcoder.Place{
		at(transcoder.Nvidia, 0, nil), at(transcoder.NvidiaDecode, 0, h264), // a card without encoders
		at(transcoder.Nvidia, 1, h264), at(transcoder.NvidiaDecode, 1, h264),
		at(transcoder.Software, 0, h264),
	}
	for cards, want := range map[string]int{"all": 4, "none": 1, "0": 2, "1": 3, "0, 1": 4, "2": -1, "first": -1} {
		got, err := choosePlaces(places, cards)
		if (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("--gpu %s: %v, %v", cards, got, err)
		}
	}
}
