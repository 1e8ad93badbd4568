package media_test

import (
	"bytes"
	"slices"
	"testing"

	"castnet/internal/media"
)

func TestNALUs(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   []byte
		want [][]byte
	}{
		{"empty", nil, nil},
		{"no start code", []byte{1, 2, 3}, nil},
		{"both start codes", []byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 0, 3}, [][]byte{{0x67, 1}, {0x68, 2}, {0x65, 0, 3}}},
		{"empty units and trailing zeros", []byte{0, 0, 1, 0, 0, 1, 5, 6, 0, 0, 0}, [][]byte{{5, 6}}},
	} {
		got := slices.Collect(media.NALUs(tc.in))
		if !slices.EqualFunc(got, tc.want, bytes.Equal) {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}
