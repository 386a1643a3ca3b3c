"""Clients to test with: user agents, hints, and their traits."""

from __future__ import annotations

import unicodedata

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {APPLE}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/137.0.0.0 Safari/537.36"
REDUCED = f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/137.0.0.0 Mobile Safari/537.36"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {BLINK}"
GECKO = "Gecko/20100101 Firefox/139.0"
CHROME_TAIL = "Chrome/125.0.0.0 Mobile Safari/537.36"
SLACK = f"{MAC} {BLINK} Slack/4.38.125 Chrome/124.0.6367.207 Electron/30.0.5 Safari/537.36"
IPHONE_SAFARI = f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1"

# fmt: off
AGENTS = [
    # user agent, label, kind, os, browser
    (IPHONE_SAFARI,
     "Safari on iPhone", "phone", "iOS", "Safari"),
    (f"{IPHONE} CriOS/137.0.7151.79 Mobile/15E148 Safari/604.1",
     "Chrome on iPhone", "phone", "iOS", "Chrome"),
    (f"{IPHONE} FxiOS/139.0 Mobile/15E148 Safari/605.1.15",
     "Firefox on iPhone", "phone", "iOS", "Firefox"),
    (f"{IPHONE} Version/18.0 EdgiOS/137.0.3296.62 Mobile/15E148 Safari/604.1",
     "Edge on iPhone", "phone", "iOS", "Edge"),
    (f"{IPHONE} Version/18.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
     "DuckDuckGo on iPhone", "phone", "iOS", "DuckDuckGo"),
    (f"{IPAD} Version/17.5 Mobile/15E148 Safari/604.1",
     "Safari on iPad", "tablet", "iOS", "Safari"),
    # An iPad sends this too, and nothing in it says so.
    (f"{MAC} {APPLE} Version/18.5 Safari/605.1.15",
     "Safari on macOS", "desktop", "macOS", "Safari"),
    (f"{MAC} {BLINK} Chrome/137.0.0.0 Safari/537.36",
     "Chrome on macOS", "desktop", "macOS", "Chrome"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:139.0) {GECKO}",
     "Firefox on macOS", "desktop", "macOS", "Firefox"),
    # "Windows NT 10.0" is frozen: 10 and 11 alike.
    (WINDOWS,
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
    (f"{WINDOWS} Edg/137.0.0.0",
     "Edge on Windows", "desktop", "Windows", "Edge"),
    (f"{WINDOWS} OPR/120.0.0.0",
     "Opera on Windows", "desktop", "Windows", "Opera"),
    (f"{WINDOWS} Vivaldi/7.0",
     "Vivaldi on Windows", "desktop", "Windows", "Vivaldi"),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:139.0) {GECKO}",
     "Firefox on Windows", "desktop", "Windows", "Firefox"),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
     "Internet Explorer on Windows 7", "desktop", "Windows", "Internet Explorer"),
    (f"Mozilla/5.0 (Windows NT 6.3; Win64; x64) {BLINK} Chrome/109.0.0.0 Safari/537.36",
     "Chrome on Windows 8.1", "desktop", "Windows", "Chrome"),
    (REDUCED,
     "Chrome on Android", "phone", "Android", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/137.0.0.0 Safari/537.36",
     "Chrome on Android", "tablet", "Android", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {BLINK} {CHROME_TAIL}",
     "Pixel 8 · Chrome", "phone", "Android", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {BLINK} Version/4.0 {CHROME_TAIL}",
     "Pixel 8 · WebView", "phone", "Android", "WebView"),
    (f"Mozilla/5.0 (Linux; Android 14; SM-G991B) {BLINK} SamsungBrowser/25.0 {CHROME_TAIL}",
     "Samsung SM-G991B · Samsung Internet", "phone", "Android", "Samsung Internet"),
    (f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} SamsungBrowser/27.0 {CHROME_TAIL}",
     "Samsung Internet on Android", "phone", "Android", "Samsung Internet"),
    (f"{REDUCED} EdgA/137.0.0.0",
     "Edge on Android", "phone", "Android", "Edge"),
    ("Mozilla/5.0 (Android 14; Mobile; rv:139.0) Gecko/139.0 Firefox/139.0",
     "Firefox on Android", "phone", "Android", "Firefox"),
    ("Mozilla/5.0 (Android 14; Tablet; rv:139.0) Gecko/139.0 Firefox/139.0",
     "Firefox on Android", "tablet", "Android", "Firefox"),
    (f"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:139.0) {GECKO}",
     "Firefox on Linux", "desktop", "Linux", "Firefox"),
    (f"Mozilla/5.0 (X11; Linux x86_64; rv:139.0) {GECKO}",
     "Firefox on Linux", "desktop", "Linux", "Firefox"),
    (f"{LINUX} Ubuntu Chromium/80.0 Chrome/80.0 Safari/537.36",
     "Chromium on Linux", "desktop", "Linux", "Chromium"),
    (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/137.0.0.0 Safari/537.36",
     "Chrome on Chrome OS", "desktop", "Chrome OS", "Chrome"),
    (f"Mozilla/5.0 (X11; FreeBSD amd64; rv:139.0) {GECKO}",
     "Firefox on FreeBSD", "desktop", "FreeBSD", "Firefox"),
    (f"Mozilla/5.0 (PlayStation; PlayStation 5/6.00) {APPLE} Version/13.0 Safari/605.1.15",
     "Safari on PlayStation", "unknown", "PlayStation", "Safari"),
    (f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {BLINK} 94.0.4606.31/7.0 TV Safari/537.36",
     "Samsung TV", "tv", "Tizen", "Safari"),
    (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {BLINK} Chrome/94.0.4606.128 Safari/537.36",
     "LG TV", "tv", "webOS", "Chrome"),
    (f"Mozilla/5.0 (Linux; Android 7.1.2; AFTMM Build/NS6265; wv) {BLINK} {CHROME_TAIL}",
     "Fire TV", "tv", "Android", "WebView"),
    ("Roku/DVP-12.5 (12.5.0.4174-AE)",
     "Roku", "tv", "Roku", "Roku"),
    ("curl/8.5.0", "curl", "app", "unknown", "curl"),
    ("Wget/1.21.4", "Wget", "app", "unknown", "Wget"),
    ("python-requests/2.32.3", "python-requests", "app", "unknown", "python-requests"),
    ("python-httpx/0.27.0", "python-httpx", "app", "unknown", "python-httpx"),
    ("Python-urllib/3.12", "Python-urllib", "app", "unknown", "Python-urllib"),
    ("HTTPie/3.2.2", "HTTPie", "app", "unknown", "HTTPie"),
    ("PostmanRuntime/7.39.0", "Postman", "app", "unknown", "Postman"),
    ("okhttp/4.12.0", "okhttp", "app", "unknown", "okhttp"),
    ("Dart/3.4 (dart:io)", "Dart", "app", "unknown", "Dart"),
    ("Java/17.0.2", "Java", "app", "unknown", "Java"),
    ("Go-http-client/2.0", "Go-http-client", "app", "unknown", "Go-http-client"),
    ("MyApp/42 CFNetwork/1496.0.7 Darwin/23.5.0", "MyApp on iOS", "app", "iOS", "MyApp"),
    ("My%20App/1.0 CFNetwork/1496.0.7 Darwin/23.5.0", "My App on iOS", "app", "iOS", "My App"),
    ("MyApp/1.2.3 (iPhone; iOS 17.5; Scale/3.00)", "MyApp on iPhone", "app", "iOS", "MyApp"),
    ("MyApp/1.2.3 (Android 14; Pixel 8)", "Pixel 8 · MyApp", "app", "Android", "MyApp"),
    (SLACK,
     "Slack on macOS", "app", "macOS", "Slack"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
     "Googlebot", "bot", "unknown", "Googlebot"),
    (f"Mozilla/5.0 {BLINK[:-1]}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
     "bingbot", "bot", "unknown", "bingbot"),
    (f"{LINUX} HeadlessChrome/137.0.0.0 Safari/537.36",
     "Headless Chrome", "bot", "Linux", "Headless Chrome"),
    *((silent, "Unknown device", "unknown", "unknown", "unknown")
      for silent in (None, "", "   ", "garbage", "Mozilla/5.0", "/1", "\x00", "ÿþ", "Windows3²1")),
]

CHROME = '"Not;A=Brand";v="8", "Chromium";v="137", "Google Chrome";v="137"'
WEBVIEW = '"Not;A=Brand";v="8", "Chromium";v="137", "Android WebView";v="137"'
EDGE_VIEW = '"Microsoft Edge WebView2";v="137", "Chromium";v="137"'
XBOX = WINDOWS.replace("x64)", "x64; Xbox; Xbox Series X)")
CHROMIUM = '"Not;A=Brand";v="8", "Chromium";v="137"'
HINTED = [
    # user agent, brands, mobile, platform, version, model, then traits
    (WINDOWS, CHROME, "?0", "Windows", "15.0.0", "",
     "Chrome on Windows 11", "desktop", "Windows", "Chrome"),
    (WINDOWS, CHROME, "?0", "Windows", "10.0.0", "",
     "Chrome on Windows 10", "desktop", "Windows", "Chrome"),
    (WINDOWS, CHROME, "?0", "Windows", "", "",
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
    (WINDOWS, '"Brave";v="137", "Chromium";v="137"', "?0", "Windows", "", "",
     "Brave on Windows", "desktop", "Windows", "Brave"),
    (WINDOWS.replace("10.0", "6.1"), CHROME, "?0", "Windows", "", "",
     "Chrome on Windows 7", "desktop", "Windows", "Chrome"),
    (REDUCED, CHROME, "?1", "Android", "15.0.0", "Pixel 9 Pro",
     "Pixel 9 Pro · Chrome", "phone", "Android", "Chrome"),
    (REDUCED, CHROME, "?0", "Android", "", "SM-X700",
     "SM-X700 · Chrome", "tablet", "Android", "Chrome"),
    (None, CHROME, "?0", "macOS", "15.5.0", "",
     "Chrome on macOS", "desktop", "macOS", "Chrome"),
    (None, CHROME, None, "Chrome OS", "", "",
     "Chrome on Chrome OS", "desktop", "Chrome OS", "Chrome"),
    (None, CHROMIUM, None, "Fuchsia", "", "",
     "Chromium on Fuchsia", "unknown", "Fuchsia", "Chromium"),
    (None, None, None, "Android", "", "Pixel 9",
     "Pixel 9", "unknown", "Android", "unknown"),
    # An engine's brand says less than the program in the user agent.
    (SLACK, CHROMIUM, "?0", "macOS", "", "",
     "Slack on macOS", "app", "macOS", "Slack"),
    (f"{LINUX} HeadlessChrome/137.0.0.0 Safari/537.36", CHROMIUM, "?0", "Linux", "", "",
     "Headless Chrome", "bot", "Linux", "Headless Chrome"),
    (WINDOWS, CHROMIUM, "?0", "Windows", "", "",
     "Chromium on Windows", "desktop", "Windows", "Chromium"),
    (f"{REDUCED} Example/1.0", WEBVIEW, "?1", "Android", "", "Pixel 9",
     "Pixel 9 · WebView", "phone", "Android", "WebView"),
    # Only the user agent names the app whose page it is.
    (f"{REDUCED} MicroMessenger/8.0", CHROME, "?1", "Android", "", "Pixel 9",
     "Pixel 9 · WeChat", "phone", "Android", "WeChat"),
    (f"{WINDOWS} Edg/137.0.0.0 Teams/24102.2223.2870.9480", EDGE_VIEW, "?0", "Windows", "15.0.0",
     "", "Microsoft Teams on Windows 11", "desktop", "Windows", "Microsoft Teams"),
    # A console's hints are those of the system that it is made from.
    (f"{XBOX} Edg/137.0.0.0", EDGE_VIEW, "?0", "Windows", "10.0.0", "",
     "Edge on Xbox", "unknown", "Xbox", "Edge"),
    # A headset's likewise.
    ((f"Mozilla/5.0 (X11; Linux x86_64; Quest 2) {BLINK} OculusBrowser/24.3.0.4.63"
     " Chrome/106.0.5249.168 VR Safari/537.36"),
     '"Chromium";v="106", "Oculus Browser";v="24"', "?0", "Linux", "", "",
     "Quest 2 · Oculus Browser", "unknown", "Android", "Oculus Browser"),
    # A model is known by its code, here as in a user agent.
    (REDUCED, WEBVIEW, "?0", "Android", "", "AFTKA", "Fire TV", "tv", "Android", "WebView"),
    (REDUCED, WEBVIEW, "?0", "Android", "", "KFTRWI",
     "Fire tablet · WebView", "tablet", "Android", "WebView"),
    (None, '"ArkWeb";v="4", "HuaweiBrowser";v="5"', "?1", "OpenHarmony", "", "",
     "ArkWeb on HarmonyOS", "phone", "HarmonyOS", "ArkWeb"),
    # Where the two disagree, hints win.
    ("curl/8.5.0", CHROME, "?0", "Windows", "13.0.0", "",
     "Chrome on Windows 11", "desktop", "Windows", "Chrome"),
    (IPHONE_SAFARI, CHROME, "?0", "Windows", "", "Pixel 9",
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
    # A malformed hint is as good as not sent.
    (WINDOWS, '"Brave', "1", 'Lin"ux', 'x"', '"',
     "Chrome on Windows", "desktop", "Windows", "Chrome"),
]
# fmt: on

UNSAFE = "\x00\x07\n\r\x1b\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069"


def is_safe(text: str | None) -> bool:
    """Whether *text* has no control character, no lone surrogate and nothing in UNSAFE."""
    return text is None or not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in UNSAFE for char in text
    )
