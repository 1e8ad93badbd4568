package av

import (
	"bytes"
	"testing"
)

// FuzzStartCodes: every start code becomes one of four bytes, and nothing else changes.
func FuzzStartCodes(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65})
	f.Add([]byte{0, 0, 1})
	f.Add([]byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, au []byte) {
		long := longStartCodes(au)
		if again := longStartCodes(long); !bytes.Equal(again, long) {
			t.Errorf("%x becomes %x, and that %x", au, long, again)
		}
		short, four := []byte{0, 0, 1}, []byte{0, 0, 0, 1}
		if bytes.Count(long, four) != bytes.Count(long, short) {
			t.Errorf("%x becomes %x", au, long)
		}
		if !bytes.Equal(bytes.ReplaceAll(long, four, short), bytes.ReplaceAll(au, four, short)) {
			t.Errorf("%x becomes %x: more than start codes is different", au, long)
		}
	})
}
