#!/usr/bin/env bash
# Draws the clip that `castnet up --demo` publishes: a sun with a dial over slow waves, and soft chords.
#
#   deploy/demo/make-clip.sh [OUT.mp4]
#
# It needs an ffmpeg with all filters, as Debian packages it, and its DejaVu fonts; it takes some minutes. Everything in
# it repeats after 8 s, and 8 s are 240 pictures, four GOPs and exactly 375 AAC packets, so the loop has no seam.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=${1:-internal/node/demo/demo.mp4}
ffmpeg=${FFMPEG:-/usr/bin/ffmpeg}
fonts=/usr/share/fonts/truetype/dejavu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds=8 fps=30 packets=375 rate=48000
run() { "$ffmpeg" -nostdin -hide_banner -loglevel error -y "$@"; }

# --- The picture.

# A dusk sky that drifts: three colours from top to horizon, drawn small in 16 bits and enlarged, so that it has no bands.
sky() { # colours of top, middle and horizon, 0 to 255
	printf "st(0,clip(Y/H*2.3-0.2+0.10*sin(2*PI*(X/W-T/%d))+0.06*cos(2*PI*(2*X/W+T/%d)),0,2)); 257*(if(lt(ld(0),1), %d+(%d-(%d))*ld(0), %d+(%d-(%d))*(ld(0)-1)))" \
		$seconds $seconds "$1" "$2" "$1" "$2" "$3" "$2"
}

# A white orbit with a dot that leaves a trail: radius, radius of the dot, rounds in 8 s, direction, phase (0 to 1).
orbit() {
	printf "st(1,2*PI*(%s*%s*T/%d+%s)); max(clip(%s+0.5-hypot(ld(8)-%s*cos(ld(1)),ld(9)-%s*sin(ld(1))),0,1), clip(2-abs(ld(7)-%s),0,1)*(0.16+0.6*pow(1-mod(%s*(ld(1)-ld(6))/(2*PI)+8,1),4)))" \
		"$4" "$3" $seconds "$5" "$2" "$1" "$1" "$1" "$4"
}

# The edge of one wave: height, amplitude, waves across the picture and rounds in 8 s, for two sines.
wave() {
	printf "255*clip(Y-(%s+%s*sin(2*PI*(%s*X/W-%s*T/%d))+%s*sin(2*PI*(%s*X/W+%s*T/%d+0.3)))+0.5,0,1)" \
		"$1" "$2" "$3" "$4" $seconds "$5" "$6" "$7" $seconds
}

layer() { # colour, wave → [$3]
	printf "nullsrc=s=1280x290:r=%d:d=%d,format=gray,geq=lum='%s'[%sm];color=%s:s=1280x290:r=%d:d=%d[%sc];[%sc][%sm]alphamerge[%s];" \
		$fps $seconds "$2" "$3" "$1" $fps $seconds "$3" "$3" "$3" "$3"
}

polar="st(8,X-300);st(9,Y-300);st(7,hypot(ld(8),ld(9)));st(6,atan2(ld(9),ld(8)))"
ticks="clip(3-abs(ld(7)-168),0,1)*lt(abs(mod(ld(6)/(2*PI)*8+8.5,1)-0.5),0.012)*0.8"
sun="st(8,X-300);st(9,Y-300);st(7,hypot(ld(8),ld(9)))"
text="drawtext=fontfile=$fonts"

graph="
nullsrc=s=160x90:r=$fps:d=$seconds,format=gbrp16,geq=r='$(sky 22 112 255)':g='$(sky 24 62 158)':b='$(sky 68 140 120)',
	scale=1280:720:flags=bicubic,format=gbrp[sky];
nullsrc=s=600x600:r=$fps:d=0.04,format=rgba,geq=r=255:g='$sun;if(lt(ld(7),112.6),clip(226-0.42*(Y-190),120,226),150)':b='$sun;if(lt(ld(7),112.6),clip(160-0.40*(Y-190),90,160),110)':
	a='$sun;max(255*clip(112.5-ld(7),0,1),95*exp(-pow(max(ld(7)-112,0)/75,2)))',loop=-1:1,trim=duration=$seconds,setpts=N/$fps/TB[sun];
nullsrc=s=600x600:r=$fps:d=$seconds,format=gray,geq=lum='$polar;255*max($ticks,max(st(0,$(orbit 190 13 1 1 -0.25));ld(0),max(st(2,$(orbit 236 8 1 -1 0.1));ld(2),st(3,$(orbit 276 6 2 1 0.55));ld(3))))'[om];
color=0xfff4e0:s=600x600:r=$fps:d=$seconds[oc];[oc][om]alphamerge[orbits];
$(layer 0x80468c "$(wave 62 26 1 1 12 2 1)" a)
$(layer 0x432a6b "$(wave 116 24 1 -1 14 2 2)" b)
$(layer 0x251a4a "$(wave 176 22 1 2 10 3 -1)" c)
[sky][sun]overlay=340:20:format=gbrp:shortest=1[s1];
[s1][orbits]overlay=340:20:format=gbrp[s2];
[s2][a]overlay=0:430:format=gbrp[s3];[s3][b]overlay=0:430:format=gbrp[s4];[s4][c]overlay=0:430:format=gbrp,
	format=yuv444p,
	$text/DejaVuSans-Bold.ttf:text=Castnet:x=56:y=48:fontsize=46:fontcolor=white,
	$text/DejaVuSans.ttf:text=live demo:x=58:y=106:fontsize=24:fontcolor=white@0.75,
	$text/DejaVuSansMono-Bold.ttf:text='%{eif\:t\:d}.%{eif\:mod(floor(t*100+0.01),100)\:d\:2}':x=w-56-text_w:y=48:fontsize=46:fontcolor=white,
	$text/DejaVuSansMono.ttf:text='picture %{eif\:n+1\:d\:3} of $((seconds * fps))':x=w-56-text_w:y=106:fontsize=24:fontcolor=white@0.75,
	$text/DejaVuSans.ttf:text='1280 × 720   30 fps   H.264 + AAC':x=(w-text_w)/2:y=h-52:fontsize=22:fontcolor=white@0.6,
	scale=out_color_matrix=bt709:out_range=tv,format=yuv420p[picture]"

if [ -n "${STILL:-}" ]; then # one picture, to look at: STILL=SECOND
	run -filter_complex "$graph" -map '[picture]' -ss "$STILL" -frames:v 1 "$out"
	exit
fi
# Drawn once, coded twice: two passes give the pictures their best within a fixed size.
run -filter_complex "$graph" -map '[picture]' -frames:v $((seconds * fps)) -c:v ffv1 "$work/picture.mkv"
for pass in 1 2; do
	run -i "$work/picture.mkv" -an -c:v libx264 -preset veryslow -profile:v high -bf 0 -g $((2 * fps)) -keyint_min $((2 * fps)) \
		-sc_threshold 0 -b:v 1150k -maxrate 1800k -bufsize 2000k -aq-mode 3 -colorspace bt709 -color_primaries bt709 -color_trc bt709 \
		-pass $pass -passlogfile "$work/pass" "$work/video.mp4"
done

# --- The sound: four chords that melt into each other, and a soft bell every half second. All frequencies are multiples of
# 1/8 Hz, so that 8 s hold whole periods.
chords=("130.75 196 247 329.625" "110 164.75 196 261.625" "87.25 174.625 220 329.625" "98 146.875 247 293.625")
bells=("523.25 659.25 783.875 987.75" "440 523.25 659.25 783.875" "349.25 523.25 659.25 880" "392 493.875 587.375 783.875")
voice() { # detuning
	local sum="0" i=0 f tone
	for chord in "${chords[@]}"; do
		tone=""
		for f in $chord; do tone+="+sin(2*PI*($f+$1)*t)"; done
		# A raised cosine 4 s wide, around the chord's middle.
		sum+="+0.045*pow(cos(PI*clip(mod(t-$((2 * i + 1))+12,8)-4,-2,2)/4),2)*(0$tone)"
		i=$((i + 1))
	done
	i=0
	for chord in "${bells[@]}"; do
		for f in $chord; do
			sum+="+0.05*eq(floor(mod(t,8)*2),$i)*min(mod(t,0.5)*200,1)*exp(-7*mod(t,0.5))*min((0.5-mod(t,0.5))*50,1)*sin(2*PI*($f+$1)*mod(t,0.5))"
			i=$((i + 1))
		done
	done
	printf '%s' "$sum"
}
# Three rounds; of the middle one the packets are taken: what overlaps from one packet to the next fits at the seam too.
run -f lavfi -i "aevalsrc=exprs='$(voice 0)|$(voice 0.25)':s=$rate:d=$((3 * seconds))" -c:a aac -b:a 96k "$work/sound.m4a"
run -i "$work/video.mp4" -ss $seconds -i "$work/sound.m4a" -map 0:v -map 1:a -c copy -frames:a $packets -map_metadata -1 \
	-movflags +faststart "$work/clip.mp4"
mv "$work/clip.mp4" "$out"
ls -l "$out"
