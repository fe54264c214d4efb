// Command shots takes the pictures of the console that the README shows.
//
//	go run ./shots DIR
//
// They look best with the typeface Inter on the machine (Debian: fonts-inter).
package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"daybook/testdata/browser"
)

// shot is a picture of a page.
type shot struct {
	name, target string
	view         browser.View
}

// severalLegs finds a session with several legs: one that the page of its
// partition leads to several times.
const severalLegs = `[...document.querySelectorAll("section[aria-labelledby=h-rows] a")].map(a => a.getAttribute("href")).find((h, i, all) => all.filter(x => x === h).length > 2)`

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: shots DIR")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	site, err := browser.Serve(ctx)
	if err != nil {
		return err
	}
	defer site.Close()
	chrome, err := browser.Start(ctx)
	if err != nil {
		return err
	}
	defer chrome.Close()
	wide := browser.View{Width: 1200, Height: 900, Scale: 1.5}
	dark, phone := wide, browser.View{Width: 390, Height: 844, Scale: 2, Phone: true}
	dark.Dark = true
	session, err := find(chrome, site.URL+"/reports/sessions/2026-11-18", severalLegs)
	if err != nil {
		return err
	}
	for _, s := range []shot{
		{"overview", "/", tall(wide, 880)}, {"overview-dark", "/", tall(dark, 880)},
		{"report", "/reports/americas", tall(wide, 1080)}, {"charts", "/reports/sessions#h-charts", tall(wide, 1000)},
		{"explore", "/reports/sessions/explore", tall(wide, 1180)}, {"sessions", "/reports/sessions/sessions", tall(wide, 760)},
		{"explore-phone", "/reports/sessions/explore", phone}, {"partition", "/reports/sessions/2026-11-18", tall(wide, 760)},
		{"session", session, tall(wide, 640)}, {"phone", "/reports/sessions", phone},
	} {
		if err := take(chrome, site.URL+s.target, s.view, filepath.Join(dir, s.name+".png")); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func tall(v browser.View, height int64) browser.View {
	v.Height = height
	return v
}

func find(chrome *browser.Browser, url, expression string) (found string, err error) {
	tab, err := chrome.Open(browser.Desktop)
	if err != nil {
		return "", err
	}
	defer tab.Close()
	return found, chromedp.Run(tab, chromedp.Navigate(url), chromedp.WaitReady("main"), chromedp.Evaluate(expression, &found))
}

func take(chrome *browser.Browser, url string, v browser.View, file string) error {
	tab, err := chrome.Open(v)
	if err != nil {
		return err
	}
	defer tab.Close()
	var picture []byte
	err = chromedp.Run(tab, chromedp.Navigate(url), chromedp.WaitReady("main"), chromedp.ActionFunc(func(ctx context.Context) (err error) {
		picture, err = page.CaptureScreenshot().Do(ctx)
		return err
	}))
	if err != nil {
		return err
	}
	if picture, err = shrink(picture); err != nil {
		return err
	}
	return os.WriteFile(file, picture, 0o644)
}

// shrink makes a picture with the 256 colours that it has most of: a page has few, beside
// the edges of its letters.
func shrink(picture []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	area, pixels := img.Bounds(), map[color.Color]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			pixels[img.At(x, y)]++
		}
	}
	colours := color.Palette(slices.Collect(maps.Keys(pixels)))
	slices.SortFunc(colours, func(a, b color.Color) int {
		return cmp.Or(cmp.Compare(pixels[b], pixels[a]), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	few := colours[:min(len(colours), 256)]
	index := make(map[color.Color]uint8, len(colours))
	for _, c := range colours {
		index[c] = uint8(few.Index(c))
	}
	small := image.NewPaletted(area, few)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			small.SetColorIndex(x, y, index[img.At(x, y)])
		}
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, small)
	return b.Bytes(), err
}
