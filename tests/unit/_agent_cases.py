"""The cases of each rule about user agents, under its name in `devsess.devices.agent_rules`."""

from __future__ import annotations

from typing import TypeAlias

from _clients import APPLE, BLINK, IPAD, IPHONE, MAC, WINDOWS

from devsess.models import Kind

PHONE = f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {BLINK} Version/4.0 Chrome/125.0.0.0"
IN_APP = f"{PHONE} Mobile Safari/537.36"
SILK = f"{BLINK} Silk/126.4.1 like Chrome/126.0.6478.186 Safari/537.36"
ARK = f"{BLINK} Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1"
HUAWEI = f"{BLINK} Chrome/114.0.5735.196 HuaweiBrowser/15.0.4.312 Mobile Safari/537.36"
XBOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox"
MACWEB = f"{MAC} {APPLE}"
PICO = f"{BLINK} PicoBrowser/3.3.22 Chrome/105.0.5195.68"
OLD_SILK = "Silk/3.13 like Chrome/34.0 Safari/537.36"

# fmt: off
# User agent, label, kind, os, browser.
Case: TypeAlias = tuple[str, str, Kind, str, str]

OF_RULES: dict[str, list[Case]] = {
    # The machine.
    "PlayStation": [
        (f"Mozilla/5.0 (PlayStation 5 3.03/SmartTV) {APPLE}",
         "PlayStation", "unknown", "PlayStation", "unknown"),
        (f"Mozilla/5.0 (PlayStation; PlayStation 5/6.00) {APPLE} Version/13.0 Safari/605.1.15",
         "Safari on PlayStation", "unknown", "PlayStation", "Safari"),
        (f"Mozilla/5.0 (PlayStation 4 11.00) {APPLE}",
         "PlayStation", "unknown", "PlayStation", "unknown"),
        ("Mozilla/5.0 (PLAYSTATION 3 4.90) AppleWebKit/531.22.8 (KHTML, like Gecko)",
         "NetFront NX on PlayStation", "unknown", "PlayStation", "NetFront NX"),
    ],
    "Nintendo": [
        (("Mozilla/5.0 (Nintendo Switch; WebApplet) AppleWebKit/609.4 (KHTML, like Gecko)"
         " NF/6.0.2.20.5 NintendoBrowser/5.1.0.22474"),
         "Nintendo", "unknown", "Nintendo", "unknown"),
        ("Mozilla/5.0 (Nintendo 3DS; U; ; en) Version/1.7567.US",
         "NetFront NX on Nintendo", "unknown", "Nintendo", "NetFront NX"),
    ],
    "Xbox": [
        (f"{XBOX} One) {BLINK} Chrome/58.0.3029.110 Safari/537.36 Edge/16.16299",
         "Edge on Xbox", "unknown", "Xbox", "Edge"),
        (f"{XBOX} Series X) {BLINK} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
         "Edge on Xbox", "unknown", "Xbox", "Edge"),
        ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0; Xbox; Xbox One)",
         "Internet Explorer on Xbox", "unknown", "Xbox", "Internet Explorer"),
    ],
    "PICO": [
        ((f"Mozilla/5.0 (X11; Linux x86_64; PICO 4 OS5.4.0 like Quest) {PICO} VR Safari/537.36"
         " OculusBrowser/7.0"),
         "PICO 4 · Pico Browser", "unknown", "Android", "Pico Browser"),
        (f"Mozilla/5.0 (X11; Linux x86_64; Pico Neo 3) {PICO} VR Safari/537.36",
         "Pico Neo 3 · Pico Browser", "unknown", "Android", "Pico Browser"),
    ],
    "PICO without a name": [
        ((f"Mozilla/5.0 (Linux; Android 10; A8110 Build/5.8.2 like Quest) {PICO}"
         " Mobile VR Safari/537.36 OculusBrowser/7.0"),
         "PICO · Pico Browser", "unknown", "Android", "Pico Browser"),
    ],
    "Quest": [
        ((f"Mozilla/5.0 (X11; Linux x86_64; Quest 3) {BLINK} OculusBrowser/33.0.0.0"
         " Chrome/126.0.6478.122 VR Safari/537.36"),
         "Quest 3 · Oculus Browser", "unknown", "Android", "Oculus Browser"),
        ((f"Mozilla/5.0 (Linux; Android 12; Quest 3) {BLINK} OculusBrowser/33.0.0.0"
         " Chrome/126.0.6478.122 Mobile VR Safari/537.36"),
         "Quest 3 · Oculus Browser", "unknown", "Android", "Oculus Browser"),
    ],
    "Fire TV": [
        *((f"Mozilla/5.0 (Linux; Android 9; {model}) {SILK}",
           "Fire TV", "tv", "Android", "Amazon Silk")
          for model in ("AFTKA", "AFTEU011E", "AFTHA001", "AFTKRT", "AFTLFT962X3", "AFTBAMR311")),
        (f"Mozilla/5.0 (Linux; U; Android 4.2.2; en-us; AFTB Build/JDQ39) {BLINK} {OLD_SILK}",
         "Fire TV", "tv", "Android", "Amazon Silk"),
        ("Prime/3.0 (Linux; Android 9;AFTSSS Build/PS7646)", "Fire TV", "tv", "Android", "Prime"),
    ],
    "Fire TV by name": [
        ("ExamplePlayer/2.1 (Fire TV; Android 9)",
         "Fire TV", "tv", "Android", "ExamplePlayer"),
    ],
    "Fire tablet": [
        (f"Mozilla/5.0 (Linux; Android 11; KFTRWI) {SILK}",
         "Fire tablet · Amazon Silk", "tablet", "Android", "Amazon Silk"),
        (f"Mozilla/5.0 (Linux; U; Android 4.4.3; de-de; KFTHWI Build/KTU84M) {BLINK} {OLD_SILK}",
         "Fire tablet · Amazon Silk", "tablet", "Android", "Amazon Silk"),
        ((f"Mozilla/5.0 (Linux; Android 5.1.1; KFAUWI Build/LVY48F) {BLINK} Version/4.0"
         " Chrome/41.51020.2250.0246 Mobile Safari/537.36"),
         "Fire tablet · WebView", "tablet", "Android", "WebView"),
        ("Amazon/28.5 (Android 11; KFTRWI)",
         "Fire tablet · Amazon", "app", "Android", "Amazon"),
    ],
    "first Fire tablets": [
        (("Mozilla/5.0 (Linux; U; Android 2.3.4; en-us; Kindle Fire Build/GINGERBREAD)"
         " AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1"),
         "Fire tablet · Android Browser", "tablet", "Android", "Android Browser"),
    ],
    "Echo Show": [
        (f"Mozilla/5.0 (Linux; Android 9; AEOCH) {SILK}",
         "Echo Show · Amazon Silk", "unknown", "Android", "Amazon Silk"),
    ],
    "Silk as a desktop": [
        (f"{MAC} {SILK}", "Amazon Silk on Android", "unknown", "Android", "Amazon Silk"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {SILK}",
         "Amazon Silk on Android", "unknown", "Android", "Amazon Silk"),
    ],
    "Samsung TV": [
        (f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {BLINK} 94.0.4606.31/7.0 TV Safari/537.36",
         "Samsung TV", "tv", "Tizen", "Safari"),
        (("Mozilla/5.0 (SMART-TV; Linux; Tizen 2.4.0) AppleWebkit/538.1 (KHTML, like Gecko)"
         " SamsungBrowser/1.1 TV Safari/538.1"),
         "Samsung TV", "tv", "Tizen", "Samsung Internet"),
    ],
    "LG TV": [
        (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {BLINK} Chrome/94.0.4606.128 Safari/537.36",
         "LG TV", "tv", "webOS", "Chrome"),
    ],
    "Roku": [
        ("Roku/DVP-12.5 (12.5.0.4174-AE)", "Roku", "tv", "Roku", "Roku"),
        ("Mozilla/5.0 (QSP; Roku; AP; 6.2.80.2752)", "Roku", "tv", "unknown", "unknown"),
    ],
    "Apple TV": [("AppleTV11,1/11.1", "Apple TV", "tv", "tvOS", "unknown")],
    "Chromecast": [
        ((f"Mozilla/5.0 (Linux; Android 12.0; Build/STTL.240206.002) {BLINK}"
         " Chrome/113.0.0.0 Safari/537.36 CrKey/1.56.500000 DeviceType/AndroidTV"),
         "Chromecast", "tv", "Chromecast Android", "Chrome"),
    ],
    "Sony TV": [
        ((f"Mozilla/5.0 (Linux; Android 10; BRAVIA 4K VH2 Build/QTG3) {BLINK}"
         " Chrome/90.0.4430.91 Safari/537.36"),
         "Sony TV", "tv", "Android", "Chrome"),
    ],
    "other TV": [
        (f"Mozilla/5.0 (Linux; Linux/SmartTV) {BLINK} Chrome/79.0.3945.79 Safari/537.36",
         "Smart TV", "tv", "Linux", "Chrome"),
    ],
    "HarmonyOS phone": [
        (f"Mozilla/5.0 (Phone; OpenHarmony 5.0) {ARK} Mobile HuaweiBrowser/5.0.4.300",
         "Huawei Browser on HarmonyOS", "phone", "HarmonyOS", "Huawei Browser"),
        (f"Mozilla/5.0 (Phone; HarmonyOS 6.0) {ARK} Mobile",
         "Web view on HarmonyOS", "phone", "HarmonyOS", "Web view"),
        (f"Mozilla/5.0 (Phone; OpenHarmony 5.0) {ARK} Mobile ExampleShop/2.0",
         "ExampleShop on HarmonyOS", "phone", "HarmonyOS", "ExampleShop"),
    ],
    "HarmonyOS tablet": [
        (f"Mozilla/5.0 (Tablet; OpenHarmony 4.1) {ARK} HuaweiBrowser/5.0.4.300",
         "Huawei Browser on HarmonyOS", "tablet", "HarmonyOS", "Huawei Browser"),
    ],
    "HarmonyOS desktop": [
        (f"Mozilla/5.0 (PC; OpenHarmony 5.0) {ARK} HuaweiBrowser/5.0.4.300",
         "Huawei Browser on HarmonyOS", "desktop", "HarmonyOS", "Huawei Browser"),
    ],
    "HarmonyOS": [
        (f"Mozilla/5.0 (Wearable; OpenHarmony 5.0) {ARK}",
         "Web view on HarmonyOS", "unknown", "HarmonyOS", "Web view"),
    ],
    "iPad as a Macintosh": [
        (f"{MACWEB} CriOS/126.0.6478.153 Version/11.1.1 Safari/605.1.15",
         "Chrome on iPad", "tablet", "iOS", "Chrome"),
        (f"{MACWEB} FxiOS/127.0 Safari/605.1.15",
         "Firefox on iPad", "tablet", "iOS", "Firefox"),
        (f"{MACWEB} Version/17.0 EdgiOS/126.0.2592.86 Safari/605.1.15",
         "Edge on iPad", "tablet", "iOS", "Edge"),
        (f"{MACWEB} GSA/323.0.647062479 Safari/605.1.15",
         "Google on iPad", "tablet", "iOS", "Google"),
        (f"{MACWEB} Mobile/15E148",
         "Web view on iPad", "tablet", "iOS", "Web view"),
        (f"{MACWEB} Mobile/15E148 ExampleShop/4.2",
         "ExampleShop on iPad", "tablet", "iOS", "ExampleShop"),
    ],
    # The program.
    "WeCom": [
        (f"{IPHONE} Mobile/15E148 wxwork/4.1.22 MicroMessenger/7.0.1 Language/zh",
         "WeCom on iPhone", "phone", "iOS", "WeCom"),
    ],
    "WeChat": [
        (f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN",
         "WeChat on iPhone", "phone", "iOS", "WeChat"),
        ((f"{PHONE} Mobile Safari/537.36 XWEB/1160117 MMWEBSDK/20240501 MMWEBID/7565"
         " MicroMessenger/8.0.50.2701(0x2800325B) WeChat/arm64 Weixin NetType/WIFI"),
         "Pixel 8 · WeChat", "phone", "Android", "WeChat"),
        ((f"{WINDOWS} NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B)"
         " WindowsWechat(0x63090b13) XWEB/9165 Flue"),
         "WeChat on Windows", "desktop", "Windows", "WeChat"),
        (f"{MACWEB} MicroMessenger/6.8.0(0x16080000) NetType/WIFI MiniProgramEnv/Mac",
         "WeChat on macOS", "desktop", "macOS", "WeChat"),
    ],
    "LinkedIn": [
        (f"{IPHONE} Mobile/15E148 [LinkedInApp]/9.29.8962",
         "LinkedIn on iPhone", "phone", "iOS", "LinkedIn"),
        (f"{IN_APP} [LinkedInApp]/4.1.960",
         "Pixel 8 · LinkedIn", "phone", "Android", "LinkedIn"),
    ],
    "Threads": [
        ((f"{IPHONE} Mobile/21F90 Barcelona 334.0.0.29.95 (iPhone14,5; iOS 17_5_1; en_US; en;"
         " scale=3.00; 1170x2532; 605298453)"),
         "Threads on iPhone", "phone", "iOS", "Threads"),
        (f"{IN_APP} Barcelona 334.0.0.29.95 Android (34/14; 420dpi; 1080x2205; Google; Pixel 8)",
         "Pixel 8 · Threads", "phone", "Android", "Threads"),
    ],
    "Messenger": [
        (f"{IPHONE} Mobile/15E148 [FBAN/MessengerLiteForiOS;FBAV/460.0.0.35.110;FBLC/en]",
         "Messenger on iPhone", "phone", "iOS", "Messenger"),
        (f"{IN_APP} [FB_IAB/Orca-Android;FBAV/349.0.0.7.108;]",
         "Pixel 8 · Messenger", "phone", "Android", "Messenger"),
    ],
    "Microsoft Teams": [
        (f"{IPHONE} Mobile/15E148 TeamsMobile-iOS",
         "Microsoft Teams on iPhone", "phone", "iOS", "Microsoft Teams"),
        (f"{IPAD} Mobile/15E148 TeamsMobile-iOS",
         "Microsoft Teams on iPad", "tablet", "iOS", "Microsoft Teams"),
        (f"{IN_APP} TeamsMobile-Android",
         "Pixel 8 · Microsoft Teams", "phone", "Android", "Microsoft Teams"),
    ],
    "QQ": [
        ((f"{IPHONE} Mobile/15E148 QQ/9.0.60.615 V1_IPH_SQ_9.0.60_1_APP_A Pixel/1170"
         " MiniAppEnable SimpleUISwitch/0"),
         "QQ on iPhone", "phone", "iOS", "QQ"),
        ((f"{PHONE} MQQBrowser/6.2 TBS/046141 Mobile Safari/537.36 V1_AND_SQ_8.8.98_2770"
         " QQ/8.8.98.8410 NetType/WIFI"),
         "Pixel 8 · QQ", "phone", "Android", "QQ"),
    ],
    "KakaoTalk": [
        (f"{IPHONE} Mobile/15E148 KAKAOTALK 10.8.5",
         "KakaoTalk on iPhone", "phone", "iOS", "KakaoTalk"),
        (f"{IN_APP} KAKAOTALK/10.8.5 (INAPP)",
         "Pixel 8 · KakaoTalk", "phone", "Android", "KakaoTalk"),
    ],
    "Alipay": [
        (f"{IPHONE} Mobile/15E148 AliApp(AP/10.5.90.6100) AlipayClient/10.5.90.6100 Language/zh",
         "Alipay on iPhone", "phone", "iOS", "Alipay"),
    ],
    "DingTalk": [
        (f"{IPHONE} Mobile/15E148 AliApp(DingTalk/7.5.20) com.laiwang.DingTalk/36182 Channel/1",
         "DingTalk on iPhone", "phone", "iOS", "DingTalk"),
    ],
    "Baidu": [
        (f"{PHONE} Mobile Safari/537.36 baiduboxapp/13.57.0.10 (Baidu; P1 14)",
         "Pixel 8 · Baidu", "phone", "Android", "Baidu"),
    ],
    "Google app": [
        (f"{MACWEB} Version/17.0 GSA/323.0.647062479 Safari/605.1.15",
         "Google on iPad", "tablet", "iOS", "Google"),
    ],
    "Pico Browser": [
        ((f"Mozilla/5.0 (Linux; Android 10; PICO 4 Build/5.8.2) {PICO} VR Safari/537.36"
         " OculusBrowser/7.0"),
         "PICO 4 · Pico Browser", "unknown", "Android", "Pico Browser"),
    ],
    "Huawei Browser": [
        (f"{PHONE} Mobile HuaweiBrowser/10.0 Safari/537.36",
         "Pixel 8 · Huawei Browser", "phone", "Android", "Huawei Browser"),
    ],
    "360 Browser": [
        (f"{WINDOWS} QIHU 360SE",
         "360 Browser on Windows", "desktop", "Windows", "360 Browser"),
    ],
    "Quark": [
        (f"{PHONE} Quark/6.0.5.211 Mobile Safari/537.36",
         "Pixel 8 · Quark", "phone", "Android", "Quark"),
    ],
    "2345 Explorer": [
        (f"{WINDOWS} 2345Explorer/10.0",
         "2345 Explorer on Windows", "desktop", "Windows", "2345 Explorer"),
    ],
    "PowerShell": [
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4522",
         "PowerShell on Windows", "app", "Windows", "PowerShell"),
        ("Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.19045; en-US) PowerShell/7.4.2",
         "PowerShell on Windows", "app", "Windows", "PowerShell"),
        ("Mozilla/5.0 (Linux; Ubuntu 22.04; en-US) PowerShell/7.4.2",
         "PowerShell on Linux", "app", "Linux", "PowerShell"),
    ],
    **{
        rule: [(agent, name, "app", "unknown", name)]
        for rule, agent, name in (
            ("node", "node", "node"),
            ("undici", "undici", "undici"),
            ("node-fetch", "node-fetch", "node-fetch"),
            ("Ktor client", "ktor-client", "ktor-client"),
            ("older Ktor client", "Ktor client", "ktor-client"),
            ("got", "got (https://github.com/sindresorhus/got)", "got"),
            ("Ruby", "Ruby", "Ruby"),
            ("Faraday", "Faraday v2.9.0", "Faraday"),
            ("Symfony", "Symfony HttpClient (Curl)", "Symfony HttpClient"),
            ("Thunder Client", "Thunder Client (https://www.thunderclient.com)", "Thunder Client"),
            ("old Java", "Java1.6.0_45", "Java"),
            ("old Go", "Go 1.1 package http", "Go-http-client"),
        )
    },
}

# No table can say this: names are found where apps and crawlers write them.
OF_LAWS = [
    # An app names itself behind the engine's own products, or is not known.
    (f"{IPHONE} Mobile/15E148", "Web view on iPhone", "phone", "iOS", "Web view"),
    (f"{IPHONE} Mobile/15E148 NetType/WIFI Language/en",
     "Web view on iPhone", "phone", "iOS", "Web view"),
    (f"{IPHONE} Mobile/15E148 (iPhone; iOS 18.5)",
     "Web view on iPhone", "phone", "iOS", "Web view"),
    (f"{IPAD} Mobile/15E148", "Web view on iPad", "tablet", "iOS", "Web view"),
    (MACWEB, "Web view on macOS", "desktop", "macOS", "Web view"),
    (f"{MACWEB} ExampleDesk/4.2", "ExampleDesk on macOS", "desktop", "macOS", "ExampleDesk"),
    *((f"{IPHONE} {tail}", f"{name} on iPhone", "phone", "iOS", name)
      for tail, name in (
          ("Mobile/15E148 ExampleShop/4.2", "ExampleShop"),
          ("Mobile/15E148 ExampleShop", "ExampleShop"),
          ("Mobile/15E148 ExampleShop 4.2 (iPhone14,5; iOS 18)", "ExampleShop"),
          ("Mobile/15E148 ExampleShop(inapp; 4.2)", "ExampleShop"),
          ("Mobile/15E148 [ExampleShop]/4.2", "ExampleShop"),
          ("Mobile/15E148 NetType/WIFI ExampleShop/4.2", "ExampleShop"),
          ("Mobile/15E148 Example%20Shop/4.2", "Example Shop"),
          ("Mobile/15E148 9gag/4.2", "9gag"),
          ("Version/18.5 Mobile/15E148 Safari/604.1 ExampleShop/4.2", "ExampleShop"),
          ("Mobile/15E148 Instagram 334.0.0.29.95 (iPhone14,5; iOS 18_5)", "Instagram"),
          ("Mobile/15E148 [FBAN/FBIOS;FBAV/465.0.0.35.110;FBDV/iPhone14,5]", "Facebook"),
          ("Mobile/15E148 Safari Line/14.9.0", "LINE"),
          ("Mobile/15E148 Snapchat/12.90.0.45 (like Safari/8617.2.4.10.8, panda)", "Snapchat"),
      )),
    (f"{IN_APP} ExampleShop/4.2", "Pixel 8 · ExampleShop", "phone", "Android", "ExampleShop"),
    # Apps that need no rule.
    (f"{IPHONE} Mobile/21F90 Instagram 334.0 (iPhone14,5; iOS 17_5_1; en_US)",
     "Instagram on iPhone", "phone", "iOS", "Instagram"),
    (f"{PHONE} Mobile Safari/537.36 [FBAN/EMA;FBLC/de_DE;FBAV/390.0.0.8.106;]",
     "Pixel 8 · Facebook", "phone", "Android", "Facebook"),
    (f"{IPHONE} Mobile/15E148 NAVER(inapp; search; 1190; 12.6.4; 14PRO)",
     "NAVER on iPhone", "phone", "iOS", "NAVER"),
    (f"{IN_APP} NAVER(inapp; search; 1190; 12.6.4)",
     "Pixel 8 · NAVER", "phone", "Android", "NAVER"),
    (f"{IPHONE} Mobile/15E148 Weibo (iPhone14,5__weibo__14.6.1__iphone__os17.5.1)",
     "Weibo on iPhone", "phone", "iOS", "Weibo"),
    (f"{IN_APP} Pixel 8__weibo__14.6.1__android__android14",
     "Pixel 8 · Weibo", "phone", "Android", "Weibo"),
    # A browser is no model.
    (f"Mozilla/5.0 (Linux; Android 10; HarmonyOS; LIO-AN00; HMSCore 6.13.0.302) {HUAWEI}",
     "LIO-AN00 · Huawei Browser", "phone", "Android", "Huawei Browser"),
    (f"Mozilla/5.0 (Linux; Android 10; ELS-AN00 Build/HUAWEIELS-AN00; HMSCore 5.0.1) {HUAWEI}",
     "ELS-AN00 · Huawei Browser", "phone", "Android", "Huawei Browser"),
    (f"Mozilla/5.0 (Linux; Android 10; HUAWEI; HMSCore 6.13.0.302) {HUAWEI}",
     "Huawei Browser on Android", "phone", "Android", "Huawei Browser"),
    (f"Mozilla/5.0 (Linux; Android 12; XYZ99) {SILK}",
     "XYZ99 · Amazon Silk", "tablet", "Android", "Amazon Silk"),
    (f"Mozilla/5.0 (Linux; U; Android 12; en-us; XYZ99 Build/PS7646) {SILK}",
     "XYZ99 · Amazon Silk", "tablet", "Android", "Amazon Silk"),
    (("Mozilla/5.0 (Linux; U; en-US) AppleWebKit/528.5+ (KHTML, like Gecko, Safari/528.5+)"
     " Version/4.0 Kindle/3.0 (screen 600x800; rotate)"),
     "Kindle", "tablet", "Kindle", "Kindle"),
    # A phone's pages.
    ((f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Version/4.0 Chrome/126.0.0.0"
     " Mobile DuckDuckGo/5 Safari/537.36"),
     "DuckDuckGo on Android", "phone", "Android", "DuckDuckGo"),
    ((f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Version/4.0 Chrome/126.0.0.0"
     " DuckDuckGo/5 Safari/537.36"),
     "DuckDuckGo on Android", "tablet", "Android", "DuckDuckGo"),
    # Crawlers, by their own names and never by their address.
    *((agent, name, "bot", os, browser)
      for agent, name, os, browser in (
          (f"{MACWEB} Version/17.4 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/x)",
           "Applebot", "macOS", "Applebot"),
          (f"{WINDOWS} ExampleBot/2", "ExampleBot", "Windows", "ExampleBot"),
          (("Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko)"
           " Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)"),
           "Bytespider", "Android", "Bytespider"),
          (f"{WINDOWS} (compatible; Example/1.0; +https://crawl.example/bot)",
           "Example", "Windows", "Example"),
          ("Mozilla/5.0 (compatible; Example/1.0; +http://example.com/bot.html)",
           "Example", "unknown", "Example"),
          ("Mozilla/5.0 (compatible; Example; bot@example.com)",
           "Example", "unknown", "Example"),
          ("Example (+http://example.com/bot)", "Example", "unknown", "Example"),
          ("Mozilla/5.0 (compatible; +http://example.com/bot)", "Bot", "unknown", "unknown"),
          ("Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/x)",
           "archive.org_bot", "unknown", "archive.org_bot"),
          ("Mediapartners-Google", "Mediapartners-Google", "unknown", "Mediapartners-Google"),
          ("TelegramBot (like TwitterBot)", "TelegramBot", "unknown", "TelegramBot"),
          ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
           "Slackbot-LinkExpanding", "unknown", "Slackbot-LinkExpanding"),
          ("Sogou web spider/4.0(+http://www.sogou.com/docs/help)",
           "Sogou web spider", "unknown", "Sogou web spider"),
          ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
           "facebookexternalhit", "unknown", "facebookexternalhit"),
          ("360Spider", "360Spider", "unknown", "360Spider"),
          ("my bot/1.0", "my bot", "unknown", "my bot"),
          ("Example.com robot help@example.com",
           "Example.com robot", "unknown", "Example.com robot"),
          ("Curious Example - www.example.com/crawler",
           "Curious Example", "unknown", "Curious Example"),
          (f"{WINDOWS}; 360Spider", "360Spider", "Windows", "360Spider"),
      )),
    ((f"Mozilla/5.0 (Linux; Android 7.0; CUBOT DINOSAUR) {BLINK} Chrome/126.0.0.0 Mobile"
     " Safari/537.36"),
     "DINOSAUR · Chrome", "phone", "Android", "Chrome"),
    ((f"Mozilla/5.0 (Linux; Android 9; CUBOT_P30 Build/PPR1) {BLINK} Chrome/126.0.0.0 Mobile"
     " Safari/537.36"),
     "CUBOT_P30 · Chrome", "phone", "Android", "Chrome"),
    # Names that begin with a digit; digits alone are none.
    ("1Password/8.10.36 CFNetwork/1494.0.7 Darwin/23.4.0",
     "1Password on iOS", "app", "iOS", "1Password"),
    ("3CX/20.0", "3CX", "app", "unknown", "3CX"),
    ("42/1.0", "Unknown device", "unknown", "unknown", "unknown"),
    # An app of the desktop.
    ((f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Teams/1.7.00.15969 Chrome/114.0.5735.289"
     " Electron/25.8.4 Safari/537.36"),
     "Microsoft Teams on Windows", "app", "Windows", "Microsoft Teams"),
    (f"{WINDOWS} Edg/137.0.0.0 Teams/24102.2223.2870.9480",
     "Microsoft Teams on Windows", "desktop", "Windows", "Microsoft Teams"),
]
# fmt: on
