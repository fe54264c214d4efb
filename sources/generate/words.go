package generate

import "strings"

// Names of people, combined at random.
var (
	given = []string{
		"Ada", "Aisha", "Akira", "Ana", "Ben", "Chiara", "Chidi", "Daan", "Dilara", "Élodie", "Emeka", "Fatima",
		"Freya", "Gábor", "Hana", "Ingrid", "Ivan", "Jan", "Jin", "João", "Kofi", "Lars", "Leila", "Łukasz", "Mai",
		"Maria", "Mateo", "Miriam", "Nguyễn", "Noor", "Olga", "Omar", "Øyvind", "Priya", "Rahul", "Sanne", "Siobhán",
		"Søren", "Tomáš", "Wei", "Yara", "Zeynep", "Γιώργος", "Олена", "דנה", "محمد", "प्रिया", "さくら", "伟", "민준",
	}
	family = []string{
		"Abe", "Andersson", "Bakker", "Bianchi", "Brown", "Çelik", "Chen", "Costa", "Cohen", "da Silva", "Demir",
		"de Vries", "Dubois", "Eze", "Fernández", "García", "Haddad", "Hansen", "Horváth", "Ito", "Ivanova", "Jansen",
		"Kim", "Kok", "Kowalska", "Kumar", "Lee", "López", "Mensah", "Müller", "Murphy", "Nagy", "Nguyen", "Novák",
		"O'Brien", "Okafor", "Park", "Patel", "Petrov", "Rossi", "Sato", "Schmidt", "Silva", "Smit", "Svensson",
		"van den Berg", "Wang", "Yılmaz", "Παπαδόπουλος", "Шевченко", "כהן", "الحسن", "शर्मा", "田中", "王", "김",
	}
)

var groups = []string{
	"EMEA/Tier 1", "EMEA/Tier 1", "EMEA/Tier 1", "EMEA/Tier 2", "EMEA/Tier 2/Networks", "EMEA", "Americas/Tier 1",
	"Americas/Tier 2", "APAC/Tier 1", "APAC/Tier 2", "Außendienst", "Field service",
}

var producers = []string{"gateway-ams-01", "gateway-ams-02", "gateway-fra-01", "console-7.11"}

var channelNames = []string{
	"Printers", "Accounts", "Networks", "Installation", "Website chat", "Téléphonie",
	"Everything that fits nowhere else, or of which nobody knows yet where it would", // more than 64 characters
}

var callingCards = []string{"Acme desktop", "Acme kiosk", "Branch offices", "Hotel lobby"}

var platforms = []string{
	"Windows 11", "Windows 11", "Windows 11", "Windows 10", "macOS 15", "macOS 14", "Android 15", "iOS 18",
	"Ubuntu 24.04 LTS", "Windows Server 2022 Datacenter", // more than 20 characters
}

var browsers = []string{"Chrome", "Chrome", "Edge", "Firefox", "Safari", "Samsung Internet"}

var tools = []string{
	"remote_control", "remote_control", "file_transfer", "file_manager", "system_info", "reboot", "screenshot",
	"script_runner", "url_push", "clipboard", "registry_editor", "device_config",
}

// Answers of customers: plain text, other scripts, texts that a spreadsheet takes
// for formulas, texts that need escapes, and texts of more than 64 characters.
var answers = []string{
	"printer", "VPN", "e-mail", "Acme GmbH", "Zürich", "naïve café", "日本語サポート", "😀👍", "שלום", "мережа",
	"=1+1", `=HYPERLINK("http://example.com","x")`, "+31 20 555 0100", "-", "@home", "\tindented",
	`C:\Users\ada`, "two\nlines", `"quoted", and; separated`, "a/b",
	strings.Repeat("Donaudampfschifffahrt ", 4),
}

// Lines of the chat, by sender.
var (
	customerPhrases = []string{
		"It still does not work.", "Merci beaucoup !", "The printer says \"offline\", but the lamp is green.", "yes", "no",
		"OK 👍", "Dank u wel!", "Since this morning, and my colleagues have it, too.", "ありがとうございます", "Where do I find that?",
	}
	technicianPhrases = []string{
		"Hello, how can I help you?", "Please restart the program.", "Ein Moment bitte, ich schaue nach.",
		"Could you open the settings, and tell me what you see there?", "少々お待ちください。", "Is it better now?",
		"May I take over your screen?", "I will hand you over to a colleague who knows more about this.",
	}
	systemPhrases = []string{"The applet is connected.", "The connection was lost.", "The customer is typing on a mobile device."}
)
