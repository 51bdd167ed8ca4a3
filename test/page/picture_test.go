package page

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/chromedp/chromedp"
)

// shoot keeps a picture of the whole page, when somebody wants pictures.
func (b *tab) shoot(name string) {
	b.t.Helper()
	if *shots != "" {
		b.keep(filepath.Join(*shots, name+".png"), answer(b, chromedp.FullScreenshot(100)))
	}
}

// document writes a picture of the documentation, as a small file.
func (b *tab) document(name string) {
	b.t.Helper()
	if *docs != "" {
		b.keep(filepath.Join(*docs, name+".png"), b.small(answer(b, chromedp.FullScreenshot(100))))
	}
}

// pose lets the curves become worth a picture. A test that takes none does not wait.
func (b *tab) pose(d time.Duration) {
	if *shots != "" || *docs != "" {
		time.Sleep(d)
	}
}

func (b *tab) keep(file string, picture []byte) {
	b.t.Helper()
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// small makes a picture with the 128 colours that it has most of, which is a third of its size.
func (b *tab) small(picture []byte) []byte {
	b.t.Helper()
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		b.t.Fatal(err)
	}
	count := map[color.Color]int{}
	bounds := full.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[full.At(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) })
	few := image.NewPaletted(bounds, colors[:min(128, len(colors))])
	nearest := map[color.Color]uint8{}
	for c := range count {
		nearest[c] = uint8(few.Palette.Index(c))
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			few.SetColorIndex(x, y, nearest[full.At(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes()
}
