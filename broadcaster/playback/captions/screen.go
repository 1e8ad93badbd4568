package captions

import "strings"

// The size of a caption screen (CEA-608, section 4.1).
const (
	rows    = 15
	columns = 32
)

// grid is a screen's letters; 0 is where nothing was written.
type grid [rows][columns]rune

// mode is how letters come onto the screen.
type mode uint8

const (
	nothing mode = iota // no captions: the beginning, and text that is none
	popOn               // written out of sight, then shown at once
	paintOn             // written where it is seen
	rollUp              // written on the lowest of a few rows, which rise
)

// screen is channel CC1 (CEA-608).
type screen struct {
	mode       mode
	other      bool // what comes is of CC2, until CC1 has its turn again
	seen, made grid // what is shown, and what is written out of sight
	row, col   int
	depth      int     // rows that roll up
	last       [2]byte // the last pair, where that was a code
}

// take takes a pair of letters, or a code. Codes come twice, so that one can be lost.
func (s *screen) take(pair [2]byte) {
	switch {
	case pair[0] >= 0x20 || pair[0] == 0:
		s.last = [2]byte{}
		for _, b := range pair {
			if b >= 0x20 {
				s.write(letter(b))
			}
		}
		return
	case pair[0] < 0x10: // data about the programme, which belong elsewhere
		return
	}
	if pair == s.last {
		s.last = [2]byte{}
		return
	}
	s.last = pair
	if s.other = pair[0]&8 != 0; s.other {
		return
	}
	switch first, second := pair[0], pair[1]; {
	case second >= 0x40:
		s.place(first, second)
	case first == 0x14 && second >= 0x20 && second < 0x30:
		s.control(second)
	case first == 0x17 && second >= 0x21 && second <= 0x23:
		s.col = min(s.col+int(second&3), columns-1)
	case first == 0x11 && second >= 0x20 && second < 0x30: // colours and italics take the place of a space
		s.write(' ')
	case first == 0x11 && second >= 0x30:
		s.write(nth(special, second&0xf))
	case first == 0x12 && second >= 0x20:
		s.replace(nth(romance, second&0x1f))
	case first == 0x13 && second >= 0x20:
		s.replace(nth(germanic, second&0x1f))
	}
}

// control is a miscellaneous control code (CEA-608, table 51).
func (s *screen) control(code byte) {
	switch code {
	case 0x20: // resume caption loading
		s.mode = popOn
	case 0x21: // backspace
		s.col = max(s.col-1, 0)
		s.page()[s.row][s.col] = 0
	case 0x24: // delete to the end of the row
		clear(s.page()[s.row][s.col:])
	case 0x25, 0x26, 0x27: // roll up two, three, four rows
		if s.mode != rollUp {
			s.seen, s.made = grid{}, grid{}
			s.row, s.col = rows-1, 0
		}
		s.mode, s.depth = rollUp, int(code-0x25)+2
		s.row = max(s.row, s.depth-1)
	case 0x29: // resume direct captioning
		s.mode = paintOn
	case 0x2a, 0x2b: // text that is no caption
		s.mode = nothing
	case 0x2c: // erase displayed memory
		s.seen = grid{}
	case 0x2d: // carriage return
		if s.mode == rollUp {
			s.roll()
		}
	case 0x2e: // erase non-displayed memory
		s.made = grid{}
	case 0x2f: // end of caption: what was written is shown
		s.mode = popOn
		s.seen, s.made = s.made, s.seen
	}
}

// roll lifts the rows; the uppermost goes.
func (s *screen) roll() {
	top := s.row - s.depth + 1
	copy(s.seen[top:s.row], s.seen[top+1:s.row+1])
	s.seen[s.row] = [columns]rune{}
	for i := range top {
		s.seen[i] = [columns]rune{}
	}
	s.col = 0
}

// place is a preamble address code (CEA-608, table 53): where the next letter goes.
func (s *screen) place(first, second byte) {
	row := [8]int{10, 0, 2, 11, 13, 4, 6, 8}[first&7]
	if first&7 != 0 && second >= 0x60 {
		row++
	}
	if s.mode == rollUp {
		row = max(row, s.depth-1)
		if row != s.row { // all of them move with their lowest
			moved := grid{}
			copy(moved[row-s.depth+1:row+1], s.seen[s.row-s.depth+1:s.row+1])
			s.seen = moved
		}
	}
	s.row, s.col = row, 0
	if second&0x10 != 0 {
		s.col = int(second>>1&7) * 4
	}
}

// page is where letters are written.
func (s *screen) page() *grid {
	if s.mode == popOn {
		return &s.made
	}
	return &s.seen
}

func (s *screen) write(r rune) {
	if s.mode == nothing || s.other {
		return
	}
	s.page()[s.row][s.col] = r
	s.col = min(s.col+1, columns-1)
}

// replace writes a letter in the place of the last, which stands in for it where it is not known.
func (s *screen) replace(r rune) {
	s.col = max(s.col-1, 0)
	s.write(r)
}

// text is what is shown.
func (s *screen) text() string {
	var lines []string
	for _, row := range s.seen {
		var line strings.Builder
		for _, r := range row {
			if r == 0 {
				r = ' '
			}
			line.WriteRune(r)
		}
		if trimmed := strings.TrimSpace(line.String()); trimmed != "" {
			lines = append(lines, trimmed)
		}
	}
	return strings.Join(lines, "\n")
}

// letter is one of the basic letters, which are ASCII but for these (CEA-608, table 50).
func letter(b byte) rune {
	switch b {
	case 0x2a:
		return 'á'
	case 0x5c:
		return 'é'
	case 0x5e:
		return 'í'
	case 0x5f:
		return 'ó'
	case 0x60:
		return 'ú'
	case 0x7b:
		return 'ç'
	case 0x7c:
		return '÷'
	case 0x7d:
		return 'Ñ'
	case 0x7e:
		return 'ñ'
	case 0x7f:
		return '█'
	}
	return rune(b)
}

// The other letters (CEA-608, tables 49, 5 to 10).
const (
	special  = "®°½¿™¢£♪à èâêîôû"
	romance  = "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»"  // Spanish, French
	germanic = "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤│ÅåØø┌┐└┘" // Portuguese, German, Danish
)

func nth(letters string, n byte) rune { return []rune(letters)[n] }
