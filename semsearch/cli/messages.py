"""Every text that commands print for people, in Vietnamese and in English.

Help texts and error messages are English only and stand where they are used. JSON has no language.
"""

from __future__ import annotations

from .. import reports
from ..reports import FindingCode, RemedyCode, StatusNote
from .language import Count, Message

# Counts --------------------------------------------------------------------------------------

ARTICLES = Count(vi="{count} bài", one="{count} article", other="{count} articles")
PASSAGES = Count(vi="{count} đoạn", one="{count} passage", other="{count} passages")
SENTENCES = Count(vi="{count} câu", one="{count} sentence", other="{count} sentences")
TEXTS = Count(vi="{count} văn bản", one="{count} text", other="{count} texts")
SOURCES = Count(vi="{count} nguồn", one="{count} source", other="{count} sources")
FILES = Count(vi="{count} tệp", one="{count} file", other="{count} files")
PLACES = Count(vi="{count} nơi", one="{count} place", other="{count} places")
GROUPS = Count(vi="{count} nhóm", one="{count} group", other="{count} groups")
SEGMENTS = Count(vi="{count} phân đoạn", one="{count} segment", other="{count} segments")
SECONDS = Message(vi="{seconds} giây", en="{seconds} s")

# Answers -------------------------------------------------------------------------------------

NO_ANSWER = Message(
    vi="Không tìm thấy câu trả lời trong các bài đã lập chỉ mục.",
    en="No answer found in the indexed articles.",
)
ANSWERS_DIFFER = Message(
    vi="Các bài nêu {count} câu trả lời khác nhau, mới nhất trước.",
    en="The articles give {count} different answers, newest first.",
)
SUPPORTING_PASSAGES = Message(vi="Các đoạn làm căn cứ:", en="Supporting passages:")
NEAREST_PASSAGES = Message(vi="Các đoạn gần nhất:", en="Nearest passages:")
SOURCE = Message(vi="Nguồn: ", en="Source: ")
TITLE_AND_LINE = Message(vi="{title} · {path}, dòng {line}", en="{title} · {path}, line {line}")
ALSO_IN = Message(vi="cũng có trong: {source}", en="also in: {source}")
CONFIDENCE = Message(vi="Độ tin cậy: {value} ({level})", en="Confidence: {value} ({level})")
HIGH = Message(vi="cao", en="high")
MODERATE = Message(vi="trung bình", en="moderate")
LOW = Message(vi="thấp", en="low")

WRITTEN_BY_MODEL = Message(
    vi="Câu trả lời do mô hình ngôn ngữ viết; [n] chỉ đoạn làm căn cứ.",
    en="This answer was written by a language model; [n] refers to its supporting passage.",
)
QUOTES = Message(vi="Trích nguyên văn:", en="Quotes:")
REMOVED_SENTENCES = Message(
    vi="Đã bỏ {count} câu không có căn cứ trong câu trả lời của mô hình (xem bằng --explain).",
    en="Unsupported sentences removed from the model's reply: {count} (--explain shows them).",
)
REMOVED_SENTENCE = Message(
    vi="Đã bỏ khỏi câu trả lời của mô hình: “{sentence}”",
    en="Removed from the model's reply: “{sentence}”",
)

# Passages ------------------------------------------------------------------------------------

NO_PASSAGES = Message(vi="Không tìm thấy đoạn nào.", en="No passages found.")
PASSAGE_ID = Message(vi="{place} · đoạn {id}", en="{place} · passage {id}")

TRY_WITHOUT_FILTERS = Message(
    vi="Không có kết quả nào thỏa {filters}; hãy thử bỏ bớt điều kiện.",
    en="No match within {filters}; try without.",
)
TRY_EXPLAIN = Message(
    vi="Thêm --explain để xem các đoạn gần nhất.",
    en="Add --explain to see the nearest passages.",
)

# Explanations --------------------------------------------------------------------------------

EXPLANATION = Message(vi="ngôn ngữ: {language} · chế độ: {mode}", en="language: {language} · mode: {mode}")
WEIGHTS = Message(vi="trọng số: {weights}", en="weights: {weights}")
SCORE = Message(vi="điểm {score} từ {signals}", en="score {score} from {signals}")
NO_SIGNALS = Message(vi="không có tín hiệu nào", en="no signals")
SHARED_TERMS = Message(vi="từ chung: {terms}", en="shared terms: {terms}")
NO_TERMS = Message(vi="không có", en="none")
FOLDED_TERMS = Message(vi="từ chung khi bỏ dấu: {terms}", en="shared terms without accents: {terms}")

QUERY_LANGUAGES = {
    "vi": Message(vi="tiếng Việt", en="Vietnamese"),
    "vi-plain": Message(vi="tiếng Việt không dấu", en="Vietnamese without accents"),
    "en": Message(vi="tiếng Anh", en="English"),
}
MODES = {
    "hybrid": Message(vi="kết hợp", en="hybrid"),
    "dense": Message(vi="ngữ nghĩa", en="dense"),
    "lexical": Message(vi="từ khóa", en="lexical"),
}
SIGNALS = {
    "dense": Message(vi="ngữ nghĩa", en="dense"),
    "sentence": Message(vi="ngữ nghĩa câu", en="dense (sentence)"),
    "article_dense": Message(vi="ngữ nghĩa bài", en="dense (article)"),
    "lexical": Message(vi="BM25", en="BM25"),
    "article": Message(vi="BM25 bài", en="BM25 (article)"),
    "maxsim": Message(vi="MaxSim", en="MaxSim"),
    "rerank": Message(vi="xếp hạng lại", en="rerank"),
}

# Duplicates ----------------------------------------------------------------------------------

NO_DUPLICATES = Message(vi="Không có bài nào trùng nhau.", en="No duplicates found.")
DUPLICATE_GROUP = Message(vi="{articles} ở {places}", en="{articles} in {places}")
EARLIEST = Message(vi="sớm nhất", en="earliest")
LONGEST = Message(vi="dài nhất", en="longest")
COMPARED_WITH_LONGEST = Message(
    vi="có trong bài dài nhất: {share}, nguyên văn: {same}; chiếm {coverage} bài dài nhất",
    en="found in the longest: {share}, verbatim: {same}; covers {coverage} of the longest",
)
ALL_GROUPS = Message(vi="Có {groups}.", en="{groups} found.")
FIRST_GROUPS = Message(vi="Đây là {limit} nhóm đầu trong tổng số {groups}.", en="The first {limit} of {groups}.")

# Indexing ------------------------------------------------------------------------------------

ARTICLES_UNCHANGED = Message(
    vi="{path}: không có gì thay đổi, giữ nguyên {articles}",
    en="{path}: nothing to do, {articles} unchanged",
)
NO_ARTICLES = Message(vi="{path}: không có bài nào", en="{path}: nothing to do, no articles found")
SYNC_COUNTS = Message(
    vi="{path}: thêm {added} bài, cập nhật {changed}, bỏ {removed}, giữ nguyên {unchanged}",
    en="{path}: {added} added, {changed} changed, {removed} removed, {unchanged} unchanged",
)
DUPLICATE_SOURCES = Count(vi="trùng lặp {count}", one="{count} duplicate", other="{count} duplicates")
FAILED = Count(vi="lỗi {count}", one="{count} failed", other="{count} failed")
SYNC_WORK = Message(
    vi="Đã tạo {passages}, mã hóa {texts} trong {seconds}.",
    en="{passages} created, {texts} encoded in {seconds}",
)
REBUILT = Message(
    vi="{path}: đã lập lại chỉ mục từ của {passages}, mã hóa {texts} trong {seconds}",
    en="{path}: indexed terms of {passages}, encoded {texts} in {seconds}",
)
SOURCES_REMOVED = Count(vi="Đã bỏ {count} nguồn.", one="{count} source removed", other="{count} sources removed")
UNKNOWN_SOURCE = Message(
    vi="Không có bài nào trong chỉ mục có nguồn “{source}”; `search` và `show` cho biết tên nguồn.",
    en='No indexed article has the source "{source}"; `search` and `show` name the sources.',
)
SOURCE_STILL_EXISTS = Message(
    vi="{source} vẫn còn và sẽ được lập chỉ mục lại cùng thư mục chứa nó.",
    en="{source} still exists and will be re-indexed the next time its folder is indexed.",
)
READING_KEYBOARD = Message(
    vi="đang đọc từ bàn phím; nhấn {keys} để kết thúc",
    en="reading from the keyboard; press {keys} to finish",
)

# Progress ------------------------------------------------------------------------------------

STAGES = {
    "articles": Message(vi="bài", en="articles"),
    "files": Message(vi="tệp", en="files"),
    "splitting": Message(vi="tách câu", en="splitting"),
    "encoding": Message(vi="mã hóa", en="encoding"),
    "terms": Message(vi="lập chỉ mục từ", en="terms"),
    "reading": Message(vi="đọc bài", en="reading"),
    "comparing": Message(vi="so sánh", en="comparing"),
    "questions": Message(vi="câu hỏi", en="questions"),
    "answers": Message(vi="câu trả lời", en="answers"),
    "reply": Message(vi="ký tự đã nhận", en="characters received"),
}
ALL_UNCHANGED = Message(vi="tất cả đều không đổi", en="all unchanged so far")
PER_SECOND = Message(vi="{rate}/giây", en="{rate}/s")
SECONDS_LEFT = Message(vi="còn khoảng {seconds} giây", en="about {seconds} s left")
MINUTES_LEFT = Message(vi="còn khoảng {minutes} phút", en="about {minutes} min left")
HOURS_LEFT = Message(vi="còn khoảng {hours} giờ {minutes} phút", en="about {hours} h {minutes} min left")

# Status --------------------------------------------------------------------------------------

LABEL_INDEX = Message(vi="chỉ mục", en="index")
LABEL_ARTICLES = Message(vi="bài viết", en="articles")
LABEL_PASSAGES = Message(vi="đoạn", en="passages")
LABEL_PATHS = Message(vi="đường dẫn", en="paths")
LABEL_ENCODER = Message(vi="bộ mã hóa", en="encoder")
LABEL_VECTORS = Message(vi="vectơ", en="vectors")
LABEL_SIZE = Message(vi="dung lượng", en="size")
LABEL_UPDATED = Message(vi="cập nhật", en="updated")
LABEL_FORMAT = Message(vi="định dạng", en="format")
LABEL_WRITER = Message(vi="ghi", en="writer")

ARTICLES_FROM_FILES = Message(vi="{articles} từ {sources}, {files}", en="{articles} from {sources} in {files}")
PASSAGES_AND_SENTENCES = Message(vi="{passages} ({sentences})", en="{passages} ({sentences})")
NO_PATHS = Message(vi="chưa có", en="none")
ENCODER = Message(
    vi="{name}, {dimensions} chiều, mã nhận dạng {fingerprint}",
    en="{name}, {dimensions} dimensions, fingerprint {fingerprint}",
)
VECTORS = Message(
    vi="{segments}, {deleted} vectơ chờ xóa, {search}",
    en="{segments}, {deleted} deleted vectors, {search}",
)
VECTOR_SEARCH = {
    "exact": Message(vi="tìm chính xác", en="exact search"),
    "approximate": Message(vi="tìm gần đúng", en="approximate search"),
}
NEVER = Message(vi="chưa bao giờ", en="never")
UPDATED = Message(vi="{time} (lần thay đổi thứ {revision})", en="{time} (revision {revision})")
FORMAT = Message(vi="{format}, tạo bằng semsearch {version}", en="{format}, created by semsearch {version}")
WRITING = Message(vi="một tiến trình khác đang ghi", en="another process is writing")
NO_WRITER = Message(vi="không có", en="none")

# Status notes --------------------------------------------------------------------------------

STATUS_NOTES: dict[StatusNote, Message] = {
    "other-version": Message(
        vi="Phiên bản khác của semsearch ({version}) đã tách câu; hãy chạy: semsearch rebuild",
        en="Another version of semsearch ({version}) split the texts; run: semsearch rebuild",
    ),
    "rebuild-interrupted": Message(
        vi="Lần lập lại chỉ mục bằng bộ mã hóa khác đã bị ngắt; hãy chạy lại lệnh đó.",
        en="A rebuild with another encoder was interrupted; run it again.",
    ),
}
WRITER = Message(vi="Đang được ghi: {writer}", en="Being written by: {writer}")

# Doctor --------------------------------------------------------------------------------------

INDEX_IS_SOUND = Message(vi="Chỉ mục không có lỗi.", en="No problems found.")
PROBLEMS = Count(vi="Có {count} vấn đề:", one="{count} problem:", other="{count} problems:")
FINDING_STATES = {
    "error": Message(vi="lỗi", en="error"),
    "warning": Message(vi="cảnh báo", en="warning"),
    "repaired": Message(vi="đã sửa", en="repaired"),
}


def _problem(code: FindingCode, vi: str) -> Message:
    return Message(vi=vi, en=reports.FINDING_KINDS[code].problem)


FINDINGS: dict[FindingCode, Message] = {
    "article-damaged": _problem("article-damaged", "Bài {article} bị hỏng."),
    "database-inconsistent": _problem("database-inconsistent", "SQLite phát hiện lỗi trong cơ sở dữ liệu."),
    "database-unreadable": _problem("database-unreadable", "Cơ sở dữ liệu hỏng, không sửa được."),
    "encoder-changed": _problem("encoder-changed", "Các vectơ không do {encoder} hiện tại tính ra."),
    "encoder-unavailable": _problem("encoder-unavailable", "Không nạp được bộ mã hóa {encoder}."),
    "leftover-file": _problem("leftover-file", "Tệp này do một lần chạy bị ngắt để lại."),
    "manifest-damaged": _problem("manifest-damaged", "Tệp mô tả chỉ mục bị hỏng."),
    "manifest-missing": _problem("manifest-missing", "Thiếu tệp mô tả chỉ mục."),
    "manifest-outdated": _problem("manifest-outdated", "Tệp mô tả khác với cơ sở dữ liệu."),
    "newer-version": _problem("newer-version", "Chỉ mục do phiên bản semsearch mới hơn ghi."),
    "next-id-wrong": _problem("next-id-wrong", "Bộ đếm {counter} không khớp các mã số đã dùng."),
    "pending-deletes-wrong": _problem("pending-deletes-wrong", "Từ của các đoạn còn tồn tại bị đánh dấu xóa."),
    "rebuild-advised": _problem("rebuild-advised", "semsearch {version} tách văn bản khác; không thể thêm bài mới."),
    "rebuild-required": _problem("rebuild-required", "semsearch {version} phân tích văn bản khác; không thể tìm kiếm."),
    "repair-incomplete": _problem("repair-incomplete", "Không sửa được."),
    "repair-needs-encoder": _problem(
        "repair-needs-encoder", "Chỉ {encoder} nguyên bản mới tính lại được các vectơ đã mất."
    ),
    "segment-damaged": _problem("segment-damaged", "Một tệp vectơ bị hỏng hoặc bị mất."),
    "term-vectors-missing": _problem("term-vectors-missing", "Số đoạn thiếu vectơ từ: {count}."),
    "terms-damaged": _problem("terms-damaged", "Chỉ mục từ bị hỏng."),
    "terms-missing": _problem("terms-missing", "Số đoạn thiếu trong chỉ mục từ: {count}."),
    "terms-orphaned": _problem("terms-orphaned", "Số đoạn lạ trong chỉ mục từ: {count}."),
    "terms-pending": _problem("terms-pending", "Từ của các đoạn đã bỏ chưa được xóa."),
    "tombstones-wrong": _problem("tombstones-wrong", "Các đoạn còn tồn tại bị đánh dấu là đã bỏ."),
    "vectors-missing": _problem("vectors-missing", "Số đoạn thiếu vectơ: {count}."),
    "vectors-orphaned": _problem("vectors-orphaned", "Số vectơ của đoạn không tồn tại: {count}."),
    "writer-active": _problem("writer-active", "Đang được ghi ({writer}); kết quả kiểm tra có thể chỉ là tạm thời."),
}


def _remedy(code: RemedyCode, vi: str) -> Message:
    return Message(vi=vi, en=reports.REMEDIES[code])


FINDING_REMEDIES: dict[RemedyCode, Message] = {
    "create-again": _remedy("create-again", "Hãy xóa thư mục chỉ mục và tạo lại."),
    "index-again": _remedy("index-again", "Bài đã bị bỏ; hãy lập chỉ mục lại đường dẫn của bài."),
    "next-run": _remedy("next-run", "Lần ghi kế tiếp sẽ tự xử lý."),
    "rebuild": _remedy("rebuild", "Hãy chạy: semsearch rebuild"),
    "rebuild-with-encoder": _remedy("rebuild-with-encoder", "Hãy chạy: semsearch rebuild --encoder {encoder}"),
    "repair": _remedy("repair", "Hãy chạy: semsearch doctor --repair"),
    "repair-and-index": _remedy(
        "repair-and-index", "Hãy chạy: semsearch doctor --repair; rồi lập chỉ mục lại đường dẫn của bài."
    ),
    "repair-or-create-again": _remedy(
        "repair-or-create-again", "Hãy chạy: semsearch doctor --repair; nếu không được, hãy xóa thư mục và tạo lại."
    ),
    "restore-encoder": _remedy(
        "restore-encoder", "Hãy khôi phục bộ mã hóa, hoặc chạy: semsearch rebuild --encoder bundled"
    ),
    "update": _remedy("update", "Hãy cập nhật semsearch, hoặc tạo chỉ mục khác."),
    "wait": _remedy("wait", "Hãy kiểm tra lại sau."),
}

# Encoders ------------------------------------------------------------------------------------

LABEL_QUERY_PROMPT = Message(vi="câu hỏi", en="query")
LABEL_PASSAGE_PROMPT = Message(vi="đoạn", en="passage")
LABEL_SEGMENTATION = Message(vi="tách từ", en="words")
LABEL_MAX_LENGTH = Message(vi="độ dài", en="length")
LABEL_MODELS = Message(vi="mô hình", en="models")
SEGMENTED_BY = Message(vi="bằng {segmenter}", en="segmented by {segmenter}")
TOKENS = Count(vi="{count} token", one="{count} token", other="{count} tokens")
LABEL_NOTE = Message(vi="ghi chú", en="note")
ENCODER_NOTES = {
    "bundled": Message(
        vi="đi kèm semsearch; không phải tải về, không cần torch",
        en="comes with semsearch; needs no download and no torch",
    ),
    "phobert": Message(
        vi="đọc theo từ, không theo âm tiết; cũng được nhận ra qua bộ tách token",
        en="reads words, not syllables; also recognised by its tokenizer",
    ),
    "halong": Message(
        vi="dựa trên multilingual-e5-base nhưng không dùng tiền tố",
        en="based on multilingual-e5-base, but used without prefixes",
    ),
    "e5-instruct": Message(
        vi="chỉ thêm chỉ dẫn trước câu hỏi",
        en="the instruction is put before queries only",
    ),
    "bge-m3": Message(vi="chỉ dùng vectơ ngữ nghĩa", en="dense vectors only"),
    "gte-multilingual": Message(
        vi="chạy mã Python riêng: load_encoder(name, trust_remote_code=True)",
        en="runs its own Python code: load_encoder(name, trust_remote_code=True)",
    ),
    "qwen3-embedding": Message(vi="tự khai báo chỉ dẫn", en="declares its prompt itself"),
    "arctic-embed": Message(vi="tự khai báo tiền tố", en="declares its prompt itself"),
}
OTHER_ENCODERS = Message(
    vi="Mọi mô hình sentence-transformers khác cũng dùng được, theo tên hoặc thư mục.",
    en="Any other sentence-transformers model works too, by name or folder.",
)

# Evaluation ----------------------------------------------------------------------------------

MEASURES = {
    "sentence@1": Message(vi="câu đúng@1", en="sentence@1"),
    "exact": Message(vi="khớp nguyên văn", en="exact match"),
    "f1": Message(vi="F1", en="F1"),
    "wrongly_refused": Message(vi="từ chối nhầm", en="wrongly refused"),
    "refused": Message(vi="từ chối đúng", en="rightly refused"),
    "queries": Message(vi="số câu hỏi", en="queries"),
    "passages": Message(vi="số đoạn", en="passages"),
    "seconds": Message(vi="số giây", en="seconds"),
}
