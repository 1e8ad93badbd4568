package hls_test

import (
	"strings"
	"testing"
)

// TestCaptions: closed captions in the pictures are told of, and stay where they are.
func TestCaptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		triplets []byte // type, and two characters
		want     []string
	}{
		"null and invalid pairs": {[]byte{0xfc, 0x80, 0x80, 0xf8, 'H', 'i'}, nil},
		"608 and 708":            {[]byte{0xfc, 'H', 'i', 0xfd, 'H', 'o', 0xff, 0x02, 0x21}, []string{`INSTREAM-ID="CC1"`, `INSTREAM-ID="CC3"`, `INSTREAM-ID="SERVICE1"`}},
		"cut short":              {[]byte{0xfc, 'H'}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.load(80, 60)
			message := append([]byte{0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x40 | byte((len(c.triplets)+2)/3), 0xff}, c.triplets...)
			nalu := append([]byte{0, 0, 0, 1, 6, 4, byte(len(message))}, message...)
			for _, u := range r.clip.Units {
				u.Payload = append(append([]byte(nil), nalu...), u.Payload...)
			}
			r.publish(70)
			r.playlist("source/index.m3u8")
			body := r.playlist("index.m3u8")
			r.contains(body, c.want...)
			if n := strings.Count(body, "TYPE=CLOSED-CAPTIONS"); n != len(c.want) {
				t.Errorf("%d services:\n%s", n, body)
			}
			if n := strings.Count(body, `,CLOSED-CAPTIONS="captions"`); (n == 3) != (len(c.want) > 0) {
				t.Errorf("%d of 3 variants have captions:\n%s", n, body)
			}
		})
	}
}
