/// Days of the Gregorian calendar, counted from 1970-01-01.
enum CivilDate {
  private static let daysOfEra = 146_097

  /// The number of a date's day. A day beyond its month's end is one of the next month.
  static func day(year: Int, month: Int, day: Int) -> Int {
    // Years that begin in March have their leap day at their end.
    let shifted = year - (month <= 2 ? 1 : 0)
    let yearOfEra = shifted % 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return shifted / 400 * daysOfEra + dayOfEra - 719_468
  }

  /// The date of a day's number, which is not negative.
  static func date(ofDay number: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = number + 719_468
    let dayOfEra = shifted % daysOfEra
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch + (monthFromMarch < 10 ? 3 : -9)
    let year = yearOfEra + shifted / daysOfEra * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }
}
