//! Makes `people.csv`: the 1,400 employees of Ekdala kommun, none of whom exists.
//!
//! ```text
//! cargo run --example ekdala_people > people.csv
//! ```
//!
//! They are generated, not collected. A list of real employees is personal data, and no list of a
//! small town is anonymous: one unit and one date are enough to identify a person. This one may be
//! committed, printed and mailed to. It is also the better test: the difficulties of real lists are
//! here on purpose and always in the same place. There are two kitchens with one name, namesakes
//! distinguished by a number, non-ASCII letters, a name too long for its line, units too small to
//! report on, and people on leave, about to join, about to leave, or protected.
//!
//! The tables below and the `SEED` decide every byte, on every machine: there is no clock, no
//! randomness of the system's and no floating point. Any likeness to a living person comes
//! from common names.
//!
//! Ids are given out by date of hire, so that neighbours in the file joined at about the same time
//! and work in different places. To make a unit larger, make another smaller: `HIRED` and
//! `STARTING` say how many people there are, and the program stops if the units disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::iter::repeat_n;

const HEADINGS: &str = "anställningsnummer;förnamn;efternamn;e-post;enhet;enhetskod;förvaltning;\
                        chef;språk;anställd från;anställd till;ledighet;skyddad";
const SEED: u64 = 2_026_112_134;
/// The first id; the others follow without a gap.
const FIRST_ID: usize = 1001;

/// The unit of the municipal director, the only one who has no manager.
const TOP_UNIT: &str = "KL-700";

/// A department, who tends to work there (in per cent), and its units. Its head runs the first.
struct Department {
    name: &'static str,
    women: usize,
    /// Named after one of the [`ORIGINS`]; half as many among those hired before 2000.
    abroad: usize,
    units: &'static [Unit],
}

/// Code, name and number of people. The code is the identity: there are two units "Köket".
type Unit = (&'static str, &'static str, usize);

#[rustfmt::skip]
static DEPARTMENTS: [Department; 7] = [
    Department { name: "Vård och omsorg", women: 86, abroad: 26, units: &[
        ("VO-100", "Vård- och omsorgskontoret", 9), ("VO-101", "Äldreboendet Eklunden", 60),
        ("VO-102", "Äldreboendet Björkgården", 48), ("VO-103", "Äldreboendet Solhaga", 54),
        ("VO-104", "Hemtjänsten Norr", 42), ("VO-105", "Hemtjänsten Söder", 38),
        ("VO-106", "Hemtjänsten Centrum", 45), ("VO-107", "Nattpatrullen", 16),
        ("VO-108", "Hemsjukvården", 27), ("VO-109", "Rehab och hjälpmedel", 15),
        ("VO-110", "Korttidsboendet Ängen", 24), ("VO-111", "Gruppbostaden Lärkvägen", 14),
        ("VO-112", "Personlig assistans", 42), ("VO-113", "Daglig verksamhet Snickarboden", 18),
        ("VO-114", "Bemanningsenheten", 26), ("VO-115", "Individ- och familjeomsorgen", 30),
        ("VO-116", "Biståndshandläggarna", 12)] },
    Department { name: "Barn och utbildning", women: 78, abroad: 17, units: &[
        ("BU-200", "Barn- och utbildningskontoret", 8), ("BU-201", "Förskolan Ekorren", 22),
        ("BU-202", "Förskolan Blåklockan", 19), ("BU-203", "Förskolan Kotten", 26),
        ("BU-204", "Förskolan Regnbågen", 31), ("BU-205", "Ekskolan", 40),
        ("BU-206", "Dalskolan", 35), ("BU-207", "Kvarnbyskolan", 28),
        ("BU-208", "Centralskolan", 55), ("BU-209", "Ekdala gymnasium", 52),
        ("BU-210", "Anpassade grundskolan", 21), ("BU-211", "Fritidshemmet Kojan", 14),
        ("BU-212", "Elevhälsan", 22), ("BU-213", "Vuxenutbildningen", 16)] },
    Department { name: "Kost och service", women: 74, abroad: 34, units: &[
        ("KS-300", "Kost- och servicekontoret", 5), ("KS-301", "Köket", 12), ("KS-302", "Köket", 9),
        ("KS-303", "Centralköket", 26), ("KS-304", "Skolrestaurangen Ekskolan", 14),
        ("KS-305", "Lokalvården skola och förskola", 36),
        ("KS-306", "Lokalvården vård och omsorg", 24), ("KS-307", "Vaktmästeri och transport", 13)] },
    Department { name: "Samhällsbyggnad", women: 52, abroad: 11, units: &[
        ("SB-400", "Samhällsbyggnadskontoret", 6), ("SB-401", "Plan och bygglov", 17),
        ("SB-402", "Miljö och hälsoskydd", 11), ("SB-403", "Kart och mät", 7),
        ("SB-404", "Energi- och klimatrådgivningen", 4)] },
    Department { name: "Teknik och drift", women: 16, abroad: 14, units: &[
        ("TD-500", "Teknik- och driftkontoret", 6), ("TD-501", "Gata och trafik", 21),
        ("TD-502", "Park och natur", 19), ("TD-503", "Vatten och avlopp", 23),
        ("TD-504", "Avfall och återvinning", 18), ("TD-505", "Fastighetsdrift", 24)] },
    Department { name: "Kultur och fritid", women: 58, abroad: 13, units: &[
        ("KF-600", "Kultur- och fritidskontoret", 5), ("KF-601", "Biblioteket", 15),
        ("KF-602", "Simhallen", 14), ("KF-603", "Kulturskolan", 17),
        ("KF-604", "Fritidsgården Kvarnen", 8), ("KF-605", "Idrott och friluftsliv", 12)] },
    Department { name: "Kommunledning", women: 62, abroad: 12, units: &[
        ("KL-701", "Kommunkansliet", 14), ("KL-700", "Kommundirektörens stab", 3),
        ("KL-702", "HR och lön", 25), ("KL-703", "Ekonomi och inköp", 22), ("KL-704", "IT", 22),
        ("KL-705", "Kommunikation", 8), ("KL-706", "Kontaktcenter", 12),
        ("KL-707", "Arbetsmarknadsenheten", 19)] },
];

/// How many of today's staff came in 1984, 1985, … 2026. Ids were given out in that order.
const HIRED: [usize; 43] = [
    1, 1, 2, 3, 3, 5, 6, 5, 3, 2, 3, 4, 4, 5, 8, 10, 13, 14, 15, 13, 12, 14, 17, 20, 22, 15, 20, 25, 28, 31,
    36, 44, 54, 58, 60, 64, 67, 88, 101, 105, 118, 133, 136,
];
const HIRED_FROM: usize = 1984;

/// Months and days on which jobs begin: schools in August, many on the first.
const MONTHS: [usize; 15] = [1, 1, 2, 3, 4, 5, 6, 6, 8, 8, 8, 8, 9, 10, 11];
const DAYS: [usize; 14] = [1, 1, 1, 1, 1, 1, 4, 9, 12, 15, 15, 16, 20, 24];

/// Year, month, day; in this order dates sort as they should.
type Date = (usize, usize, usize);

/// The recruits who have signed and not yet begun.
#[rustfmt::skip]
const STARTING: [Date; 12] = [
    (2026, 12, 1), (2026, 12, 1), (2026, 12, 7), (2026, 12, 14), (2027, 1, 1), (2027, 1, 7),
    (2027, 1, 7), (2027, 1, 11), (2027, 1, 18), (2027, 2, 1), (2027, 2, 1), (2027, 2, 15),
];

/// People whom documentation and tests know by id: id, unit, first name, family name, language.
/// None of them is a manager, on leave or about to leave.
#[rustfmt::skip]
const CAST: [(usize, &str, &str, &str, &str); 16] = [
    // The reference group: twelve people from twelve units, who read every mail first.
    (1007, "BU-203", "Ann-Sofie", "Hermansson", ""),
    (1042, "VO-104", "Åsa", "Lindqvist", ""),
    (1118, "VO-107", "Jasmina", "Begić", ""),
    (1203, "KS-305", "Sirpa", "Järvinen", ""),
    (1311, "KF-601", "Pär", "Öhman", ""),
    (1420, "TD-502", "Kjell", "Sandström", ""),
    (1533, "BU-208", "Desirée", "Holmgren", ""),
    (1649, "KL-703", "Mattias", "Falk", ""),
    (1764, "VO-103", "Hodan", "Warsame", ""),
    (1888, "KS-303", "Siriporn", "Chaiyasit", "en"),
    (2017, "SB-401", "Michał", "Woźniak", "en"),
    (2210, "TD-504", "Rebwar", "Aziz", ""),
    // Protected: they appear in no list and no report.
    (1356, "BU-206", "Camilla", "Sundqvist", ""),
    (1927, "VO-106", "Emma", "Berggren", ""),
    (2144, "KL-706", "Johan", "Viklund", ""),
    // The longest name that fits an address.
    (1376, "KF-603", "Margareta Elisabeth Charlotta", "Söderwall Wennerström-Bergqvist", ""),
];
const PROTECTED: [usize; 3] = [1356, 1927, 2144];

const FIXED_TERMS: usize = 40;
#[rustfmt::skip]
const TERMS_END: [&str; 14] = [
    "2026-12-20", "2026-12-31", "2027-01-17", "2027-01-31", "2027-02-28", "2027-03-31",
    "2027-04-30", "2027-05-31", "2027-06-11", "2027-06-18", "2027-06-30", "2027-07-31",
    "2027-08-15", "2027-08-31",
];

/// Leave is a period and nothing else: the reason is not needed. Any first day in a row goes
/// with any last day in it: under way on 23 November 2026, when the examples play; in the winter
/// that follows; in spring, and so possible as a second period.
const LEAVES: usize = 70;
#[rustfmt::skip]
const PERIODS: [[[&str; 6]; 2]; 3] = [
    [["2026-03-02", "2026-05-18", "2026-08-10", "2026-08-31", "2026-09-14", "2026-11-16"],
     ["2026-11-29", "2026-12-13", "2027-01-10", "2027-01-31", "2027-02-28", "2027-03-14"]],
    [["2026-11-30", "2026-12-14", "2027-01-04", "2027-01-11", "2027-01-18", "2027-02-01"],
     ["2027-02-07", "2027-02-14", "2027-02-26", "2027-03-14", "2027-03-21", "2027-03-28"]],
    [["2027-03-29", "2027-04-05", "2027-04-12", "2027-04-26", "2027-05-03", "2027-05-10"],
     ["2027-05-21", "2027-06-06", "2027-06-18", "2027-08-15", "2027-09-26", "2027-12-31"]],
];
/// Which of these periods a person takes, the most likely first.
const HABITS: [&[usize]; 5] = [&[1], &[0], &[2], &[0, 2], &[1, 2]];

/// Women's first names, men's first names, family names; the commonest first.
type Names = [&'static str; 3];

/// Swedish names of people born before 1971, before 1986, and since.
#[rustfmt::skip]
static GENERATIONS: [Names; 3] = [
    ["Eva Maria Lena Karin Marie Birgitta Annika Åsa Carina Susanne Ann-Christin Monica Helena \
      Gunilla Agneta Anna-Karin Marianne Ulrika Kerstin Pia Ingrid Yvonne Ann-Sofie Siv \
      Gun-Britt",
     "Lars Per Anders Mikael Jan Peter Thomas Bengt Hans Stefan Bo Ulf Leif Mats Håkan Magnus \
      Göran Kjell Roger Christer Lars-Erik Sven-Olof Åke Rune Örjan",
     FAMILIES],
    ["Anna Sara Malin Jenny Maria Linda Emma Johanna Sofia Jessica Lisa Camilla Therése Elin \
      Cecilia Frida Madeleine Ida Anneli Hanna Desirée Rebecka Ellinor Mia Anna-Lena",
     "Johan Daniel Fredrik Andreas Martin David Mattias Marcus Jonas Henrik Patrik Robert \
      Joakim Kristoffer Tobias Björn Jimmy Niklas Erik Pär Jörgen Linus Carl-Johan André Mårten",
     FAMILIES],
    ["Emma Julia Amanda Hanna Matilda Elin Sara Moa Alva Ebba Linnéa Josefin Felicia Wilma \
      Klara Tilda Agnes Filippa Saga Nathalie Vendela Tuva Zoë Thea Ronja",
     "Simon Oscar Alexander Viktor Emil William Filip Anton Adam Elias Hampus Gustav Jacob \
      Ludvig Isak Albin Rasmus Hugo Måns Noel Vilgot André Theo Sixten Björn",
     FAMILIES],
];

const FAMILIES: &str = "\
    Johansson Andersson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson \
    Pettersson Jonsson Jansson Hansson Bengtsson Carlsson Jönsson Petersson Lindberg Magnusson \
    Gustavsson Olofsson Lindström Lindgren Axelsson Berg Lundberg Bergström Jakobsson Lundgren \
    Lind Berglund Fredriksson Sandberg Henriksson Mattsson Forsberg Sjöberg Lindqvist Wallin \
    Engström Danielsson Håkansson Eklund Lundin Björk Gunnarsson Bergman Holm Samuelsson Wikström \
    Isaksson Fransson Bergqvist Nyström Arvidsson Holmberg Löfgren Claesson Söderberg Nyberg \
    Blomqvist Mårtensson Nordström Lundström Eliasson Pålsson Björklund Viklund Berggren Sandström \
    Nordin Lund Ström Hermansson Åberg Ekström Holmgren Sundberg Hedlund Dahlberg Hellström \
    Sjögren Falk Abrahamsson Martinsson Andreasson Öberg Blom Ek Månsson Åkesson Strömberg \
    Jonasson Hansen Norberg Sundström Åström Lindholm Ivarsson Sundqvist Ågren Josefsson Hagström \
    Thorén Norén Strand Öhman Palmér Dahl Östlund Rosén Hedström Wahlgren Ståhl Ekdahl Kjellberg \
    Lilja-Nyman Berg-Hedin Skoglund Ljung";

/// Names from elsewhere: since when, their share among such names, and how many of a hundred of
/// these people read English more easily than Swedish.
struct Origin {
    since: usize,
    weight: usize,
    english: usize,
    names: Names,
}

#[rustfmt::skip]
static ORIGINS: [Origin; 11] = [
    Origin { since: 1984, weight: 16, english: 0, names: [ // Finnish
        "Päivi Tuula Marja-Liisa Sirpa Anne Minna Kaisa Raija",
        "Jukka Timo Kari Pekka Antti Mika Heikki Jyrki",
        "Virtanen Korhonen Mäkinen Nieminen Hämäläinen Heikkinen Koskela Järvinen Mäkelä"] },
    Origin { since: 1994, weight: 18, english: 5, names: [ // Bosnian, Croatian, Serbian
        "Amra Jasmina Selma Mirela Snežana Dragana Lejla Ivana Đurđa",
        "Adnan Goran Emir Dejan Nermin Zoran Haris Želimir",
        "Hodžić Kovačević Begić Jovanovic Marković Delić Omerović Babić Pavlović Tomić"] },
    Origin { since: 2000, weight: 18, english: 22, names: [ // Arabic
        "Fatima Rana Maryam Noor Hiba Samar Amal Zeinab Rim Layla",
        "Ahmad Mohammed Omar Khaled Yousef Bassam Ali Samir Tarek",
        "Al-Hassan Khalil Haddad Mansour Ibrahim Al-Khatib Saleh Nasser Darwish Issa Hamdan"] },
    Origin { since: 2006, weight: 11, english: 25, names: [ // Somali
        "Hodan Ayaan Sahra Ifrah Hamdi Ubah Fartun",
        "Abdirahman Mahad Liban Abdi Yusuf Ismail",
        "Warsame Abdullahi Hussein Mohamud Jama Farah Nur Aden"] },
    Origin { since: 1991, weight: 8, english: 15, names: [ // Persian
        "Maryam Shirin Parisa Nasrin Azadeh Laleh",
        "Reza Behzad Amir Farhad Kaveh Navid",
        "Hosseini Karimi Ahmadi Moradi Rahimi Jafari Tehrani"] },
    Origin { since: 1990, weight: 9, english: 32, names: [ // Polish
        "Agnieszka Małgorzata Katarzyna Bożena Ewa Joanna",
        "Paweł Tomasz Krzysztof Michał Łukasz Piotr",
        "Nowak Wójcik Kowalczyk Woźniak Mazur Krawczyk Stępień Łuczak Dąbek"] },
    Origin { since: 1996, weight: 6, english: 18, names: [ // Kurdish
        "Berivan Rojda Dilan Shilan Avin Evîn",
        "Azad Rebwar Serdar Hiwa Dilovan",
        "Aziz Rashid Doğan Mahmoud Karim Salih Şahin"] },
    Origin { since: 1990, weight: 4, english: 12, names: [ // Turkish
        "Ayşe Elif Gülcan Sevgi",
        "Mehmet Hüseyin Çetin Murat",
        "Yılmaz Kaya Demir Öztürk Çelik Yıldız"] },
    Origin { since: 2003, weight: 5, english: 35, names: [ // Thai
        "Siriporn Kanya Malee Suda Nittaya Pranee",
        "Somchai Anan",
        "Srisuk Chaiyasit Boonmee Phromma Saelim"] },
    Origin { since: 2012, weight: 7, english: 35, names: [ // Eritrean
        "Selam Rahwa Feven Letebrhan Winta",
        "Habtom Filmon Yonas Tesfalem Kibrom",
        "Tesfay Ghebremedhin Kidane Mehari Haile Berhane Woldu"] },
    Origin { since: 2022, weight: 4, english: 70, names: [ // Ukrainian
        "Oksana Nataliia Iryna Olena",
        "Andrii Serhii Mykola",
        "Kovalenko Bondar Tkachuk Kravets Melnyk"] },
];

/// The same per cent for Swedish names: people move, and come back with a family.
const SWEDISH_NAME_READS_ENGLISH: usize = 3;
/// People who came before have learnt Swedish.
const ENGLISH_SINCE: usize = 2008;

/// Names that the tables could produce and that well-known people have.
const FAMOUS: &str = "Göran Persson, Jan Björklund, Jan Eliasson, Ingrid Bergman, Jenny Lind, \
    Lars Norén, Jonas Jonasson, Lisa Ekdahl, Lisa Nilsson, Marie Fredriksson, Håkan Hellström, \
    Robert Gustafsson, Björn Gustafsson, Henrik Larsson, Anders Svensson, Marcus Berg, \
    Emil Forsberg, Peter Forsberg, Viktor Claesson, Stefan Holm, Hanna Öberg, Ebba Andersson, \
    Johan Olsson, Lena Andersson, Åsa Larsson, Bo Lundgren";

/// How an address writes the letters of the names above that it may not have.
#[rustfmt::skip]
const STAND_INS: [(char, &str); 13] = [
    ('a', "åäą"), ('c', "ćčç"), ('d', "đ"), ('e', "éêëę"), ('g', "ğ"), ('i', "îı"), ('l', "ł"),
    ('n', "ń"), ('o', "öó"), ('s', "šşś"), ('u', "ü"), ('z', "žźż"), ('-', " "),
];

/// One line of the file, but for what is looked up while writing: address and manager.
struct Person {
    id: usize,
    first: &'static str,
    last: &'static str,
    language: &'static str,
    post: Post,
    from: Date,
    until: &'static str,
    leave: String,
}

/// A place to work, before it is filled.
#[derive(Clone, Copy)]
struct Post {
    department: &'static Department,
    code: &'static str,
    unit: &'static str,
}

/// Ids of the managers by the code of their unit.
type Managers = BTreeMap<&'static str, usize>;

fn main() -> io::Result<()> {
    let rng = &mut SplitMix64(SEED);
    let posts = posts(rng);
    let mut people = hire(&posts, rng);
    let managers = managers(&people, rng);
    let ordinary =
        |person: &Person| !in_cast(person.id) && managers.values().all(|&manager| manager != person.id);
    limit_terms(people.iter_mut().filter(|person| ordinary(person)), rng);
    grant_leave(people.iter_mut().filter(|person| ordinary(person)), rng);

    let mut out = BufWriter::new(io::stdout().lock());
    let mut taken = BTreeSet::new();
    writeln!(out, "{HEADINGS}")?;
    for person in &people {
        let email = address(person, &mut taken);
        let manager = manager_of(person, &managers).map(|id| id.to_string());
        write_line(&mut out, person, &email, &manager.unwrap_or_default())?;
    }
    out.flush()
}

/// All posts in the order of ids: each unit spread over the whole, not quite regularly, and the
/// cast where it belongs.
fn posts(rng: &mut SplitMix64) -> Vec<Post> {
    let mut placed = Vec::new();
    for department in &DEPARTMENTS {
        for &(code, unit, size) in department.units {
            let post = Post { department, code, unit };
            placed.extend((0..size).map(|nth| ((nth * 1000 + rng.below(800)) * 1000 / size, post)));
        }
    }
    placed.sort_by_key(|&(place, _)| place);
    let mut posts: Vec<Post> = placed.into_iter().map(|(_, post)| post).collect();
    for (id, code, ..) in CAST {
        let place = id - FIRST_ID;
        let unit = (0..posts.len()).filter(|&at| posts[at].code == code);
        if let Some(closest_match) = unit.min_by_key(|at| at.abs_diff(place)) {
            posts.swap(place, closest_match);
        }
    }
    posts
}

/// The manager of each unit: a person who reads Swedish and is not a recent recruit.
fn managers(people: &[Person], rng: &mut SplitMix64) -> Managers {
    let mut staff: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for person in people.iter().filter(|person| person.language.is_empty() && !in_cast(person.id)) {
        staff.entry(person.post.code).or_default().push(person.id);
    }
    let mut choose = |ids: Vec<usize>| rng.pick(&ids[..ids.len() * 3 / 4]);
    staff.into_iter().map(|(code, ids)| (code, choose(ids))).collect()
}

fn in_cast(id: usize) -> bool {
    CAST.iter().any(|member| member.0 == id)
}

/// All people, before the ends of their jobs are chosen.
fn hire(posts: &[Post], rng: &mut SplitMix64) -> Vec<Person> {
    let starts = start_dates(rng);
    assert_eq!(posts.len(), starts.len(), "posts and people");
    let mut people = Vec::new();
    for (id, (&post, from)) in (FIRST_ID..).zip(posts.iter().zip(starts)) {
        let (first, last, language) = match CAST.iter().find(|member| member.0 == id) {
            Some(&(_, _, first, last, language)) => (first, last, language),
            None => identity(post.department, from.0, rng),
        };
        let (until, leave) = ("", String::new());
        people.push(Person { id, first, last, language, post, from, until, leave });
    }
    people
}

fn start_dates(rng: &mut SplitMix64) -> Vec<Date> {
    let mut starts = STARTING.to_vec();
    for (year, &count) in (HIRED_FROM..).zip(&HIRED) {
        let last_month = if year == 2026 { 10 } else { 12 };
        let months: Vec<usize> = MONTHS.into_iter().filter(|&month| month <= last_month).collect();
        starts.extend((0..count).map(|_| (year, rng.pick(&months), rng.pick(&DAYS))));
    }
    starts.sort_unstable();
    starts
}

/// First name, family name and language of a person hired in that year.
fn identity(
    department: &Department,
    year: usize,
    rng: &mut SplitMix64,
) -> (&'static str, &'static str, &'static str) {
    let abroad = department.abroad / if year < 2000 { 2 } else { 1 };
    let ([women, men, families], english) = if rng.percent(abroad) {
        let origin = origin(year, rng);
        (origin.names, origin.english)
    } else {
        (generation(year, rng), SWEDISH_NAME_READS_ENGLISH)
    };
    let female = rng.percent(department.women);
    let first_names = if female { women } else { men };
    let reads_english = year >= ENGLISH_SINCE && rng.percent(english);
    let language = if reads_english { "en" } else { "" };
    loop {
        let (first, last) = (rng.name(first_names), rng.name(families));
        let full = format!("{first} {last}");
        if FAMOUS.split(", ").all(|famous| famous != full) {
            return (first, last, language);
        }
    }
}

fn origin(year: usize, rng: &mut SplitMix64) -> &'static Origin {
    let there = ORIGINS.iter().filter(|origin| origin.since <= year);
    let lots: Vec<&Origin> = there.flat_map(|origin| repeat_n(origin, origin.weight)).collect();
    rng.pick(&lots)
}

/// People are hired between 19 and 50, and none was born before 1959.
fn generation(hired: usize, rng: &mut SplitMix64) -> Names {
    match (hired - 19 - rng.below(32)).max(1959) {
        ..1971 => GENERATIONS[0],
        1971..1986 => GENERATIONS[1],
        1986.. => GENERATIONS[2],
    }
}

fn limit_terms<'a>(people: impl Iterator<Item = &'a mut Person>, rng: &mut SplitMix64) {
    let recent = people.filter(|person| person.from.0 >= 2023 && person.from < STARTING[0]);
    for person in rng.draw(FIXED_TERMS, recent) {
        person.until = rng.pick(&TERMS_END);
    }
}

fn grant_leave<'a>(people: impl Iterator<Item = &'a mut Person>, rng: &mut SplitMix64) {
    let permanent = people.filter(|person| person.until.is_empty());
    let settled = permanent.filter(|person| (2004..2026).contains(&person.from.0));
    for person in rng.draw(LEAVES, settled) {
        let habit = HABITS[rng.below(HABITS.len()).min(rng.below(HABITS.len()))];
        let periods = habit.iter().map(|&row| PERIODS[row].map(|days| rng.pick(&days)).join("/"));
        person.leave = periods.collect::<Vec<_>>().join(" ");
    }
}

/// The second Anna Johansson becomes `anna.johansson2`.
fn address(person: &Person, taken: &mut BTreeSet<String>) -> String {
    let ascii = |letter| {
        let stand_in = STAND_INS.iter().find(|(_, letters)| letters.contains(letter));
        stand_in.map_or(letter, |&(ascii, _)| ascii)
    };
    let name = format!("{}.{}", person.first, person.last).to_lowercase();
    let local: String = name.chars().map(ascii).collect();
    let mut email = format!("{local}@ekdala.example");
    let mut namesakes = 1;
    while !taken.insert(email.clone()) {
        namesakes += 1;
        email = format!("{local}{namesakes}@ekdala.example");
    }
    email
}

/// Staff have the unit's manager; managers the head of department; heads the municipal director.
fn manager_of(person: &Person, managers: &Managers) -> Option<usize> {
    let code = person.post.code;
    let (head_unit, ..) = person.post.department.units[0];
    match managers[code] {
        manager if manager != person.id => Some(manager),
        _ if code == TOP_UNIT => None,
        _ if code == head_unit => Some(managers[TOP_UNIT]),
        _ => Some(managers[head_unit]),
    }
}

fn write_line(out: &mut impl Write, who: &Person, email: &str, manager: &str) -> io::Result<()> {
    let Person { id, first, last, language, until, leave, .. } = who;
    let Post { department, code, unit } = who.post;
    let (year, month, day) = who.from;
    let protected = if PROTECTED.contains(id) { "ja" } else { "" };
    write!(out, "{id};{first};{last};{email};{unit};{code};{};", department.name)?;
    write!(out, "{manager};{language};{year}-{month:02}-{day:02};")?;
    writeln!(out, "{until};{leave};{protected}")
}

/// Vigna's splitmix64: one word of state, and the same numbers everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    #[expect(clippy::cast_possible_truncation, reason = "less than n, which is a usize")]
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % n as u64) as usize
    }

    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One of the names in a list, rather from its beginning than from its end.
    fn name(&mut self, list: &'static str) -> &'static str {
        let names: Vec<&str> = list.split_whitespace().collect();
        names[self.below(names.len()).min(self.below(names.len() * 2))]
    }

    /// Draws a number of items without replacement.
    fn draw<T>(&mut self, n: usize, from: impl Iterator<Item = T>) -> Vec<T> {
        let mut rest: Vec<T> = from.collect();
        (0..n.min(rest.len())).map(|_| rest.swap_remove(self.below(rest.len()))).collect()
    }
}
