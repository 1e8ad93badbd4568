package verify

import (
	"fmt"
	"math"
	"slices"

	"castnet/transcoder"
)

// How often a verified segment is looked at. The draw is made after the receipt, so nobody knows before.
const (
	auditEarly   = 5    // so many segments of a lease are early ones
	chanceEarly  = 0.1  // of those after the first, which is always audited
	chanceLater  = 0.02 // of the others
	chanceDoubt  = 0.2  // of all but the first, while the orchestrator's failures are not forgotten
	doubtfulFrom = 0.5  // failures, fading with time (selection.Record.Bad)
)

// AuditChance is how likely the n-th segment of a lease, from 0, is audited, with so many failures on record.
func AuditChance(n int, failures float64) float64 {
	switch {
	case n == 0:
		return 1
	case failures >= doubtfulFrom:
		return chanceDoubt
	case n < auditEarly:
		return chanceEarly
	default:
		return chanceLater
	}
}

// The checks of an audit.
const (
	CheckDecoded  = "decoding" // every picture can be decoded
	CheckLikeness = "likeness" // the pictures show what the source's show
	CheckOverlay  = "overlay"  // no part of the picture is something else all the time
	CheckMotion   = "motion"   // what moves in the source moves
)

// Limits of an audit. Thumbnails of renditions of natural clips, down to 0.1 bits a pixel, dark or with strong noise, have
// a likeness of 0.90 and more in the worst picture. Black pictures have 0, others of the same camera 0.12, one picture
// all the time 0.45; where only a part is another the cells tell. A cell of an honest thumbnail is 6 levels off at most,
// 47 under a small logo.
const (
	minLikeness  = 0.50 // of the worst picture of twenty
	meanLikeness = 0.65
	// cell is the side of the squares that thumbnails are compared in, and cellOff how many levels one may be off in most
	// pictures.
	cell    = 10
	cellOff = 12
	across  = transcoder.ThumbWidth / cell
	cells   = across * (transcoder.ThumbHeight / cell)
	// A picture moves where the mean of a cell differs by moving levels from the one before; its rendition stands still
	// where that cell differs by less than a quarter of it. Where a quarter of enoughMoving or more do, motion is missing.
	moving       = 3.0
	enoughMoving = 8
)

// Audit judges what a worker has seen of a rendition, sorted by PTS. want are the pictures that it has to have.
func Audit(rendition string, want []int64, seen []transcoder.Compared) []Failure {
	var v Verdict
	have := make(map[int64]bool, len(seen))
	for i := range seen {
		have[seen[i].PTS] = true
	}
	if i := slices.IndexFunc(want, func(pts int64) bool { return !have[pts] }); i >= 0 {
		v.fail(CheckDecoded, rendition, "pictures that can be decoded", fmt.Sprint("none at PTS ", want[i]))
	}
	if len(seen) == 0 {
		return v.Failures
	}
	v.likeness(rendition, seen)
	v.overlay(rendition, seen)
	v.motion(rendition, seen)
	return v.Failures
}

func (v *Verdict) likeness(rendition string, seen []transcoder.Compared) {
	var sum float64
	all := make([]float64, len(seen))
	for i := range seen {
		all[i] = likeness(seen[i].Source, seen[i].Rendition)
		sum += all[i]
	}
	slices.Sort(all)
	mean, worst := sum/float64(len(all)), all[len(all)/20]
	if mean < meanLikeness || worst < minLikeness {
		v.fail(CheckLikeness, rendition, fmt.Sprintf("pictures like the source's (SSIM of %.2f, %.2f in the worst)", meanLikeness, minLikeness),
			fmt.Sprintf("%.2f, %.2f in the worst", mean, worst))
	}
}

// likeness is the mean structural similarity of two thumbnails (SSIM: Wang, Bovik, Sheikh and Simoncelli, 2004), over
// cells: 1 where they are the same.
func likeness(a, b []byte) float64 {
	const n = cell * cell
	const c1, c2 = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255)
	var sum float64
	for c := range cells {
		var sa, sb, saa, sbb, sab int
		other := rows(b, c)
		for i, row := range rows(a, c) {
			for j, v := range row {
				u, v := int(v), int(other[i][j])
				sa, sb = sa+u, sb+v
				saa, sbb, sab = saa+u*u, sbb+v*v, sab+u*v
			}
		}
		ma, mb := float64(sa)/n, float64(sb)/n
		va, vb, vab := float64(saa)/n-ma*ma, float64(sbb)/n-mb*mb, float64(sab)/n-ma*mb
		sum += (2*ma*mb + c1) * (2*vab + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
	}
	return sum / cells
}

// overlay looks for a cell of the picture that is another than the source's in most pictures.
func (v *Verdict) overlay(rendition string, seen []transcoder.Compared) {
	off := make([]float64, len(seen))
	worst, where := 0.0, 0
	for c := range cells {
		for i := range seen {
			off[i] = difference(seen[i].Source, seen[i].Rendition, c)
		}
		slices.Sort(off)
		if median := off[len(off)/2]; median > worst {
			worst, where = median, c
		}
	}
	if worst >= cellOff {
		v.fail(CheckOverlay, rendition, "the source's picture everywhere",
			fmt.Sprintf("another at %d %% across, %d %% down: %.0f levels off", (where%across*100+50)/across, (where/across*100+50)/(cells/across), worst))
	}
}

// motion looks for pictures that are shown again in place of others: by the cell that changes most in the source.
func (v *Verdict) motion(rendition string, seen []transcoder.Compared) {
	moves, still := 0, 0
	for i := 1; i < len(seen); i++ {
		most, made := 0.0, 0.0
		for c := range cells {
			if d := math.Abs(level(seen[i].Source, c) - level(seen[i-1].Source, c)); d > most {
				most, made = d, math.Abs(level(seen[i].Rendition, c)-level(seen[i-1].Rendition, c))
			}
		}
		if most < moving {
			continue
		}
		moves++
		if made < most/4 {
			still++
		}
	}
	if moves >= enoughMoving && still*4 >= moves {
		v.fail(CheckMotion, rendition, "the source's motion", fmt.Sprintf("%d of %d moving pictures stand still", still, moves))
	}
}

// level is the mean of a cell of a thumbnail.
func level(thumb []byte, c int) float64 {
	sum := 0
	for _, row := range rows(thumb, c) {
		for _, v := range row {
			sum += int(v)
		}
	}
	return float64(sum) / (cell * cell)
}

// difference is the mean absolute difference of a cell of two thumbnails.
func difference(a, b []byte, c int) float64 {
	sum := 0
	other := rows(b, c)
	for i, row := range rows(a, c) {
		for j, v := range row {
			sum += max(int(v)-int(other[i][j]), int(other[i][j])-int(v))
		}
	}
	return float64(sum) / (cell * cell)
}

// rows is the samples of a cell.
func rows(thumb []byte, c int) (out [cell][]byte) {
	for i := range out {
		from := (c/across*cell+i)*transcoder.ThumbWidth + c%across*cell
		out[i] = thumb[from : from+cell]
	}
	return out
}
