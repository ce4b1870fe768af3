"""What phones write in place of files, deleted and edited messages, by language.

Compared without case, direction marks, outer spaces and final full stop. Beside these, the marks themselves speak
in every language: `<word: file.ext>`, `IMG-20210312-WA0001.jpg (words)`, and U+200E before `<…>` at an end.
"""

# The kind that the phone names -> what it writes, one line a group of languages.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "image": (
        "image omitted", "photo omitted", "Bild weggelassen", "imagen omitida", "image absente", "immagine omessa",
        "imagem ocultada", "imagem omitida", "imagem não revelada", "afbeelding weggelaten", "изображение отсутствует",
        "зображення відсутнє", "obrázek vynechán", "görüntü dahil edilmedi", "obraz pominięty", "bild utelämnad",
        "billede udeladt", "kuva jätetty pois", "gambar tidak disertakan", "画像は含まれていません", "画像が除外されました",
        "图片已忽略", "圖片已略去", "이미지 생략됨", "لم يتم إدراج الصورة", "תמונה הושמטה", "छवि छोड़ी गई", "imagine omisă", "kép kihagyva",
    ),
    "video": (
        "video omitted", "video note omitted", "video message omitted", "Video weggelassen", "video omitido",
        "vídeo omitido", "vídeo ocultado", "vídeo não revelado", "vidéo absente", "video omesso", "video weggelaten",
        "видео отсутствует", "відео відсутнє", "video vynecháno", "video dahil edilmedi", "wideo pominięte", "GIF omitted",
        "GIF weggelassen", "GIF omitido", "GIF retiré", "GIF esclusa", "GIF weggelaten", "GIF отсутствует", "GIF vynechán",
        "GIF não revelada", "GIF-анімацію пропущено", "动态图已忽略", "视频已忽略", "影片已略去", "ビデオが除外されました", "동영상 생략됨",
        "لم يتم إدراج الفيديوهات", "لم يتم إدراج صورة GIF", "סרטון הושמט",
    ),
    "audio": (
        "audio omitted", "voice message omitted", "Audio weggelassen", "audio omitido", "áudio ocultado", "áudio omitido",
        "ficheiro de áudio não revelado", "audio omis", "audio omesso", "audio weggelaten", "аудиофайл отсутствует",
        "аудио отсутствует", "аудіо відсутнє", "ses dahil edilmedi", "plik audio pominięto", "音频已忽略", "音訊已略去",
        "音声が除外されました", "오디오 생략됨", "لم يتم إدراج المقاطع الصوتية", "קובץ אודיו הושמט",
    ),
    "sticker": (
        "sticker omitted", "Sticker weggelassen", "sticker omitido", "figurinha omitida", "sticker não revelado",
        "sticker omis", "sticker non incluso", "sticker weggelaten", "стикер отсутствует", "стикер не добавлен",
        "наклейку не додано", "nálepka vynechána", "Çıkartma dahil edilmedi", "贴图已忽略", "貼圖已略去", "スタンプが除外されました",
        "스티커 생략됨", "تم حذف الملصقات", "סטיקר הושמט",
    ),
    "document": (
        "document omitted", "Dokument weggelassen", "documento omitido", "documento não revelado", "document manquant",
        "documento omesso", "document weggelaten", "документ отсутствует", "документ пропущено", "dokument vynechán",
        "belge dahil edilmedi", "文档已忽略", "文件已略去", "ドキュメントが除外されました", "문서 생략됨", "لم يتم إدراج المستند", "המסמך הושמט",
    ),
    "contacts": (
        "Contact card omitted", "Kontaktkarte ausgelassen", "Kontaktkarte weggelassen", "Tarjeta de contacto omitida",
        "cartão do contato omitido", "contacto não revelado", "Fiche contact manquante", "Scheda contatto omessa",
        "Contactkaart weggelaten", "карточка контакта отсутствует", "картка контакту відсутня", "Vizitka vynechána",
        "Kişi kartı dahil edilmedi", "名片已忽略", "聯絡人卡片已略去", "連絡先が除外されました", "연락처 카드 생략됨",
        "لم يتم إدراج بطاقة جهة اتصال",
    ),
    # Android says only that there was something.
    "media_placeholder": (
        "<Media omitted>", "<View once voice message omitted>", "<Medien ausgeschlossen>", "<Medien weggelassen>",
        "<Multimedia omitido>", "<Archivo omitido>", "<Medios omitidos>", "<Médias omis>", "<Fichier omis>", "<Media omessi>",
        "<Mídia oculta>", "<Arquivo de mídia oculto>", "<Ficheiro não revelado>", "<Media weggelaten>", "<Без медиафайлов>",
        "<Медиафайл пропущен>", "<Файл пропущен>", "<Без медіафайлів>", "<Medya dahil edilmedi>", "<pominięto multimedia>",
        "<Pominięto multimedia>", "<Media tidak disertakan>", "<Media utelämnat>", "<Medier udeladt>", "<Media jätettiin pois>",
        "<Média vynechána>", "<Fișier media omis>", "<मीडिया छोड़ा गया>", "<मीडिया के बिना>", "<メディアなし>", "<メディアは含まれていません>",
        "<媒体文件已略去>", "<省略多媒体文件>", "<省略多媒體檔案>", "<忽略多媒体文件>", "<미디어 파일을 생략한 대화내용>", "<미디어 제외됨>",
        "<تم استبعاد الوسائط>", "<تم حذف الوسائط>", "<המדיה לא נכללה>", "<המדיה הושמטה>", "<ไม่รวมสื่อ>", "<Đã bỏ qua file phương tiện>",
    ),
}  # fmt: skip

DELETED = (
    "This message was deleted", "You deleted this message", "This message was deleted by admin",
    "Diese Nachricht wurde gelöscht", "Du hast diese Nachricht gelöscht", "Se eliminó este mensaje",
    "Eliminaste este mensaje", "Este mensaje fue eliminado", "Ce message a été supprimé", "Vous avez supprimé ce message",
    "Questo messaggio è stato eliminato", "Hai eliminato questo messaggio", "Mensagem apagada",
    "Essa mensagem foi apagada", "Esta mensagem foi apagada", "Você apagou esta mensagem", "Apagou esta mensagem",
    "Dit bericht is verwijderd", "U hebt dit bericht verwijderd", "Je hebt dit bericht verwijderd",
    "Данное сообщение удалено", "Вы удалили данное сообщение", "Сообщение удалено", "Це повідомлення було видалено",
    "Ви видалили це повідомлення", "Bu mesaj silindi", "Bu mesajı sildiniz", "Ta wiadomość została usunięta",
    "Usunąłeś tę wiadomość", "Tato zpráva byla smazána", "Tuto zprávu jste smazal/a", "Pesan ini telah dihapus",
    "Anda menghapus pesan ini", "Det här meddelandet togs bort", "Du tog bort det här meddelandet",
    "Denne besked blev slettet", "Tämä viesti poistettiin", "このメッセージは削除されました", "このメッセージを削除しました",
    "此消息已删除", "您已删除这条消息", "你已删除这条消息", "這則訊息已被刪除", "您已刪除此訊息", "삭제된 메시지입니다", "이 메시지를 삭제했습니다",
    "تم حذف هذه الرسالة", "لقد حذفت هذه الرسالة", "הודעה זו נמחקה", "מחקת הודעה זו", "यह संदेश हटाया गया था",
    "आपने यह संदेश हटाया", "Acest mesaj a fost șters", "Tin nhắn này đã bị xóa", "ข้อความนี้ถูกลบ",
)  # fmt: skip

EDITED = (
    "<This message was edited>", "<Diese Nachricht wurde bearbeitet>", "<Se editó este mensaje>",
    "<Este mensaje se editó>", "<Ce message a été modifié>", "<Questo messaggio è stato modificato>",
    "<Mensagem editada>", "<Esta mensagem foi editada>", "<Dit bericht is bewerkt>", "<Сообщение изменено>",
    "<Данное сообщение изменено>", "<Це повідомлення відредаговано>", "<Bu mesaj düzenlendi>",
    "<Edytowano tę wiadomość>", "<Pesan ini diedit>", "<このメッセージは編集されました>", "<此消息已编辑>", "<此訊息已編輯>",
    "<수정된 메시지>", "<تم تعديل هذه الرسالة>", "<הודעה זו נערכה>", "<यह संदेश संपादित किया गया>",
)  # fmt: skip

# After a file's name, in brackets.
ATTACHED = (
    "file attached", "Datei angehängt", "archivo adjunto", "fichier joint", "file allegato", "arquivo anexado",
    "ficheiro anexado", "bestand bijgevoegd", "файл добавлен", "файл прикреплен", "файл додано", "dosya ekli", "dosya eklendi",
    "plik dołączony", "załączono plik", "soubor byl přiložen", "file terlampir", "fil bifogad", "fil vedhæftet",
    "tiedosto liitetty", "fișier atașat", "fájl csatolva", "επισυνάφθηκε αρχείο", "添付ファイル", "文件附件", "檔案已附加", "附件檔案",
    "파일 첨부됨", "الملف مرفق", "ملف مرفق", "קובץ מצורף", "फ़ाइल संलग्न है", "फ़ाइल संलग्न", "ไฟล์ที่แนบมา", "tệp đính kèm",
)  # fmt: skip
