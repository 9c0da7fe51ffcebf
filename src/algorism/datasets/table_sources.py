"""The tables and the texts, one row each."""

from .sources import File, TableSource, TextSource


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_STUDENT = _names(
    "school sex age address famsize Pstatus Medu Fedu Mjob Fjob reason guardian traveltime studytime failures "
    "schoolsup famsup paid activities nursery higher internet romantic famrel freetime goout Dalc Walc health "
    "absences G1 G2 G3"
)
_STUDENT_WORDS = _names(
    "school sex address famsize Pstatus Mjob Fjob reason guardian schoolsup famsup paid activities nursery "
    "higher internet romantic"
)

_TABLES = [
    TableSource(
        name="physionet2012",
        title="PhysioNet Challenge 2012, first 48 hours of 4,000 intensive-care stays",
        licence="Open Data Commons Attribution 1.0",
        origin="Silva, Moody, Scott, Celi, Mark 2012, physionet.org/content/challenge-2012",
        note="Set A, one row per measurement; times in minutes since admission.",
        folder="physionet2012",
        file=File("set-a.csv.gz", 35_441_344, "10b7d9d44faae697f84438f73f1c08659e468b0ab8bc6cbcadf87aa369a0abf9"),
        rows=1_674_892,
        columns=_names("RecordID minutes parameter value"),
        text=_names("parameter"),
        missing=-1,
    ),
    TableSource(
        name="physionet2012_outcomes",
        title="PhysioNet Challenge 2012, outcomes of the 4,000 stays",
        licence="Open Data Commons Attribution 1.0",
        origin="Silva, Moody, Scott, Celi, Mark 2012, physionet.org/content/challenge-2012",
        note="Survival in days is unknown where no death was recorded.",
        folder="physionet2012",
        file=File("outcomes-a.csv", 79_219, "2613ea60ccda29f87571a7d6b09ad130858a8ccd66325bd073365925026883c2"),
        rows=4_000,
        columns=_names("RecordID SAPS-I SOFA Length_of_stay Survival In-hospital_death"),
        missing=-1,
    ),
    TableSource(
        name="heart_disease",
        title="Heart disease at four hospitals",
        licence="CC BY 4.0",
        origin="Janosi, Steinbrunn, Pfisterer, Detrano 1988, UCI",
        note="The 14 usual columns and the site; num is 0 (healthy) to 4.",
        folder="tabular",
        file=File("heart_disease.csv", 38_441, "f2c325494cdd8d0d92feb4ccc5eccb44d268225bd292fe4373c74cd8d560e722"),
        rows=920,
        columns=_names("site age sex cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal num"),
        text=_names("site"),
    ),
    TableSource(
        name="student_mat",
        title="Student performance in mathematics",
        licence="CC BY 4.0",
        origin="Cortez, Silva 2008, UCI",
        note="Family, school, social life, and the grades G1, G2, G3.",
        folder="tabular",
        file=File("student_mat.csv", 41_983, "659f3984643c2def53ba5e49f551c6ce3657039f9c25306cacb8f43b818a5190"),
        rows=395,
        columns=_STUDENT,
        text=_STUDENT_WORDS,
    ),
    TableSource(
        name="student_por",
        title="Student performance in Portuguese",
        licence="CC BY 4.0",
        origin="Cortez, Silva 2008, UCI",
        note="Family, school, social life, and the grades G1, G2, G3.",
        folder="tabular",
        file=File("student_por.csv", 68_558, "3fb408fe4b66d4cdb90ad4ec5e3fb6de94ba662d0471a3d46c03da483069f76b"),
        rows=649,
        columns=_STUDENT,
        text=_STUDENT_WORDS,
    ),
    TableSource(
        name="air_quality",
        title="Air quality in an Italian city, hourly",
        licence="CC BY 4.0",
        origin="De Vito et al. 2008, UCI",
        note="Reference analysers end in _GT, sensors begin with PT08_; dates are day/month/year.",
        folder="tabular",
        file=File(
            "air_quality_uci.csv.gz", 740_514, "5d04e790353ece1e263ad4251c6c285c076cbc55aaa0cb70e06214e1a265ec15"
        ),
        rows=9_357,
        columns=_names(
            "Date Time CO_GT PT08_S1_CO NMHC_GT C6H6_GT PT08_S2_NMHC NOx_GT PT08_S3_NOx NO2_GT PT08_S4_NO2 "
            "PT08_S5_O3 T RH AH"
        ),
        text=_names("Date Time"),
        missing=-200,
    ),
    TableSource(
        name="nyc_weather",
        title="Hourly weather of three New York airports in 2013",
        licence="CC0",
        origin="ASOS by Iowa State University, R package nycflights13",
        note="Units are those of the source: °F, miles, mph, inches, millibars.",
        folder="tabular",
        file=File(
            "nyc_weather_2013.csv.gz", 2_246_267, "ed14cef59e096eb3a873e98fd6d1a3af8853f08a1e800fecd90050de74a6c0ab"
        ),
        rows=26_115,
        columns=_names(
            "origin year month day hour temp dewp humid wind_dir wind_speed wind_gust precip pressure visib time_hour"
        ),
        text=_names("origin time_hour"),
    ),
    TableSource(
        name="titanic",
        title="Passengers of the Titanic",
        licence="none stated",
        origin="public passenger lists",
        note="The 891 passengers commonly used for training.",
        folder="tabular",
        file=File("titanic.csv", 60_302, "4a437fde05fe5264e1701a7387ac6fb75393772ba38bb2c9c566405af5af4bd7"),
        rows=891,
        columns=_names("PassengerId Survived Pclass Name Sex Age SibSp Parch Ticket Fare Cabin Embarked"),
        text=_names("Name Sex Ticket Cabin Embarked"),
    ),
]

_TEXTS = [
    TextSource(
        name="wikitext2",
        title="WikiText-2, articles, rare words as <unk>",
        licence="CC BY-SA 3.0",
        origin="Merity et al. 2016, Salesforce",
        note="The train file is missing: train on one, test on the other.",
        base="https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/",
        parts={
            "valid": File("valid.txt", 1_121_681, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
            "test": File("test.txt", 1_256_449, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
        },
    ),
    TextSource(
        name="warpeace",
        title="War and Peace, in English",
        licence="public domain",
        origin="Tolstoy, translated by the Maudes; Project Gutenberg",
        note="Line ends are LF.",
        parts={
            "whole": File("input.txt", 3_196_231, "e9d70cc7d26da7bb53c09a90844647f75cd2ef081b6aa358290a8cf7184d889b")
        },
    ),
    TextSource(
        name="tinyshakespeare",
        title="Tiny Shakespeare, parts of the plays",
        licence="public domain",
        origin="Karpathy, github.com/karpathy/char-rnn",
        base="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
        parts={
            "whole": File("input.txt", 1_115_394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed")
        },
    ),
]

TABLES: dict[str, TableSource] = {source.name: source for source in _TABLES}
TEXTS: dict[str, TextSource] = {source.name: source for source in _TEXTS}
